/** How many clusters, and how many endpoints each has. */
export type Shape = { readonly clusters: number; readonly endpoints: number };

/** `10x8`; @throws Error for anything else. */
export function parseShape(text: string): Shape {
  const [, clusters, endpoints] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  const shape = { clusters: Number(clusters), endpoints: Number(endpoints) };
  if (!(shape.clusters > 0 && shape.endpoints > 0)) throw new Error(`a shape is CLUSTERSxENDPOINTS, not '${text}'`);
  return shape;
}

export function shapeText({ clusters, endpoints }: Shape): string {
  return `${clusters}x${endpoints}`;
}

/**
 * Added to the number of a change to give the weight of the first endpoint of `c-0`: the client reads the number back from
 * the weight. Numbers below 2^20 keep the weight three bytes long, so that all changes have one size.
 */
export const CHANGE_WEIGHT_BASE = 1_000_000;
