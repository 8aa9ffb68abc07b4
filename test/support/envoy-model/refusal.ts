import { type ModelResource, TYPE } from './messages.ts';

/** `Rule`: the constraint check, which refuses the whole response. `Semantic`: found while the resource is applied. */
export type Refusal = { readonly kind: 'Rule' | 'Semantic'; readonly reason: string };
export type Refuse = (typeUrl: string, resource: ModelResource) => Refusal | undefined;
/** `Named`: the text names the resources at fault, as Envoy's does. `Unnamed`: nothing in it tells which (facts 8: text cut at 4 KiB). */
export type RefusalStyle = 'Named' | 'Unnamed';

/** Decides what is refused and in which words; remembers the culprits of the response at hand. */
export class Refuser {
  readonly style: RefusalStyle;
  readonly #refuse: Refuse;
  #culprits: string[] = [];

  constructor(refuse: Refuse = () => undefined, style: RefusalStyle = 'Named') {
    this.#refuse = refuse;
    this.style = style;
  }

  begin(): void {
    this.#culprits = [];
  }

  /** Names at fault in the response that was received last. */
  get culprits(): readonly string[] {
    return this.#culprits;
  }

  /** The first rule violation among these. */
  rule(typeUrl: string, resources: readonly ModelResource[]): string | undefined {
    for (const resource of resources) {
      const refusal = this.#refuse(typeUrl, resource);
      if (refusal?.kind !== 'Rule') continue;
      this.#culprits.push(resource.name);
      const reason = `Proto constraint validation failed (${refusal.reason})`;
      if (this.style === 'Unnamed') return reason;
      return `goo.gle/debugproto  ${typeUrl === TYPE.endpoint ? 'cluster_name' : 'name'}: "${resource.name}" : ${reason}`;
    }
    return undefined;
  }

  semantic(typeUrl: string, resource: ModelResource): string | undefined {
    const refusal = this.#refuse(typeUrl, resource);
    if (refusal?.kind !== 'Semantic') return undefined;
    return this.blame(resource.name, refusal.reason);
  }

  /** The words for one resource at fault. */
  blame(name: string, reason: string): string {
    this.#culprits.push(name);
    return this.style === 'Unnamed' ? reason : `${name}: ${reason}`;
  }
}
