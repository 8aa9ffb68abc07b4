export { type Arrival, type ArrivalTarget, arrivalsFromTrace } from './arrivals.ts';
export type { Failure, FailureKind, Message, Target } from './completion-request.ts';
export { LatencyHistogram } from './latency-histogram.ts';
export { type Lane, OpenLoop, type OpenLoopOptions, type RequestOutcome } from './open-loop.ts';
export { parseTrace, readShippedTrace, readTrace, type TraceRow } from './trace.ts';
export { meanRatePerSec, stretched, traceWindow } from './trace-window.ts';
