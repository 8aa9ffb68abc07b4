import type { TableMetric } from './row.ts';

/** What each metric is to the control law, for people; `docs/design/control-law.md` has the reasons. */
export const METRIC_MEANINGS: Readonly<
  Record<TableMetric, { readonly kind: 'Gauge' | 'Counter'; readonly law: string }>
> = {
  runningRequests: {
    kind: 'Gauge',
    law: 'slots and capacity; without it the rest of an engine’s page moves no belief',
  },
  waitingRequests: { kind: 'Gauge', law: 'a queue that stands teaches where the batch limit is' },
  kvUsageRatio: { kind: 'Gauge', law: 'above 40 % bounds the slots, above 80 % raises the pressure' },
  maxRunningRequests: { kind: 'Gauge', law: 'the slots, where the policy gives no `maxRunningRequests`' },
  promptTokensTotal: { kind: 'Counter', law: 'capacity: a prompt token counts as a tenth of a generated one' },
  generationTokensTotal: { kind: 'Counter', law: 'capacity: the work that an engine gets done' },
  timeToFirstTokenSecondsSum: { kind: 'Counter', law: 'none' },
  timeToFirstTokenSecondsCount: {
    kind: 'Counter',
    law: 'none; its buckets, where the page has them, trip `split.failover.firstTokenP95Above`',
  },
  processStartTimeSeconds: { kind: 'Gauge', law: 'a later start is another server: what was learned is forgotten' },
  kvCapacityTokens: { kind: 'Gauge', law: '0 means not ready: the page then says nothing' },
  gpuUtilRatio: { kind: 'Gauge', law: 'slots, only where no engine is heard and while it follows the load' },
  gpuEngineActiveRatio: { kind: 'Gauge', law: 'stands in for utilisation' },
  smActiveRatio: { kind: 'Gauge', law: 'none' },
  dramActiveRatio: { kind: 'Gauge', law: 'none' },
  smClockHertz: { kind: 'Gauge', law: 'a throttled clock steps capacity down at once' },
  powerWatts: { kind: 'Gauge', law: 'none' },
  memoryUsedBytes: { kind: 'Gauge', law: 'none: engines take their memory at the start' },
  memoryTotalBytes: { kind: 'Gauge', law: 'none' },
  memoryFreeBytes: { kind: 'Gauge', law: 'none; a part of the total' },
  memoryReservedBytes: { kind: 'Gauge', law: 'none; a part of the total' },
  migMode: { kind: 'Gauge', law: 'a cut device does not speak for one endpoint: its utilisation is not used' },
  xidCode: { kind: 'Gauge', law: 'a fatal code that comes up drains the endpoint; 0 brings it back' },
  recentXidCode: { kind: 'Gauge', law: 'as above; a fatal code among those of the last minutes' },
  throttleRatio: { kind: 'Gauge', law: 'takes up to 22 % off the capacity while no SM clock is read' },
  throttledSecondsTotal: { kind: 'Counter', law: 'as above, from its rate' },
  recentThrottleCount: { kind: 'Gauge', law: 'as above, while it rises' },
};
