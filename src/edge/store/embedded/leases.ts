import type { Fence } from '../documents/document.ts';
import type { Lease } from '../documents/document-store.ts';

/**
 * Who holds which lease. In memory: the embedded store has one owner at a time (its lock), so with the process all its
 * holders are gone. Only the token is on the disk, because it must rise over restarts.
 */
export class Leases {
  readonly #held = new Map<string, Lease>();

  /** The lease while it lasts. */
  current(name: string, nowMs: number): Lease | undefined {
    const lease = this.#held.get(name);
    return lease !== undefined && lease.expiresAtMs > nowMs ? lease : undefined;
  }

  put(lease: Lease): void {
    this.#held.set(lease.name, lease);
  }

  release({ name, token }: Lease): void {
    if (this.#held.get(name)?.token === token) this.#held.delete(name);
  }

  /** Whether a write with this fence may still be done. */
  admits(fence: Fence | undefined, nowMs: number): boolean {
    return fence === undefined || this.current(fence.lease, nowMs)?.token === fence.token;
  }
}
