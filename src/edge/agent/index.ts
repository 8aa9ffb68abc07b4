export type { AgentOptions, NodeTaints } from './agent.ts';
export type { AgentEndpoint } from './placement.ts';
export { type RunAgentOptions, runAgent } from './run-agent.ts';
