/** Names that the bootstrap and the pushed resources must agree on. A change here is a change of every bootstrap. */

/** Runtime layer without TTL: numbers of the policy, frozen when the controller dies. */
export const LASTING_LAYER = 'lasting';
/** Runtime layer with TTL: sheds and switches, gone when the controller dies. */
export const LAPSING_LAYER = 'lapsing';
export const LAPSING_TTL_MS = 15_000;

/** The cluster whose members are the sidecars of the group: Envoy divides group limits by their number. */
export const SIDECARS_CLUSTER = 'loadline_sidecars';
/** The cluster through which Envoy reaches Loadline. */
export const XDS_CLUSTER = 'loadline_xds';
/** With a fallback: the fallback beside Envoy, and both together, the server first. Configuration comes through that one. */
export const FALLBACK_CLUSTER = 'loadline_fallback';
export const ADS_CLUSTER = 'loadline_ads';

/**
 * HTTP filters whose configuration comes by ECDS. All stand in the listener from the first version, in this order: adding
 * one later would change the listener and cut streams.
 */
export const SLOT = {
  sidecarRateLimit: 'loadline.rate-limit.sidecar',
  groupRateLimit: 'loadline.rate-limit.group',
  fault: 'loadline.fault',
  externalProcessor: 'loadline.ext-proc',
} as const;
