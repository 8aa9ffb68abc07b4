/** Which identity speaks for which node id, as long as one of its streams lives: configuration and load reports alike. */
export class NodeClaims {
  readonly #held = new Map<string, { readonly identity: string; streams: number }>();

  isFree(nodeId: string, identity: string): boolean {
    return (this.#held.get(nodeId)?.identity ?? identity) === identity;
  }

  /** The caller has asked whether it is free. In plaintext nobody has an identity, and nothing is claimed. */
  take(nodeId: string, identity: string | undefined): void {
    if (identity === undefined) return;
    const held = this.#held.get(nodeId);
    if (held === undefined) this.#held.set(nodeId, { identity, streams: 1 });
    else held.streams += 1;
  }

  give(nodeId: string, identity: string | undefined): void {
    const held = this.#held.get(nodeId);
    if (held === undefined || held.identity !== identity) return;
    held.streams -= 1;
    if (held.streams === 0) this.#held.delete(nodeId);
  }
}
