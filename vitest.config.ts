import { defineConfig } from 'vitest/config';

/** No socket, clock or process: however slow the machine is, what these say is the same. */
const PURE = [
  'test/architecture.test.ts',
  'test/{base,bench,core,docs,support}/**/*.test.ts',
  'test/lab/{rehearse,simulate}/**/*.test.ts',
];
const REAL_PARTS = ['test/e2e/**/*.test.ts', 'test/long/{llama-cpp,node-taints}.test.ts'];
/** What these find out hangs on when something happens, but they are light: two of them have the machine for themselves. */
const PACED = [
  ...['controller-death', 'failing-servers', 'gpu-fault', 'probe', 'shift', 'traffic/*'].map(endToEnd),
  // Clients in Go, which `npm test` builds in the meantime.
  'test/edge/http2/h2spec.test.ts',
  'test/edge/xds/grpc-clients.test.ts',
];
/** Ten Envoys, or as many requests as the machine can make: each of these has it for itself. */
const LIVE = ['law-live', 'rollout', 'undo'].map(endToEnd);

/** No test reads the profiles of whoever runs it. */
const NO_PROFILES = { LOADLINE_CONFIG: '' };
/** Vitest would leave one of two cores idle. */
const BOTH_CORES = 2;
const FAST = {
  env: NO_PROFILES,
  maxWorkers: BOTH_CORES,
  pool: 'threads',
  isolate: false,
  testTimeout: 20_000,
} as const;
const REAL = { env: NO_PROFILES, pool: 'forks', testTimeout: 120_000, hookTimeout: 120_000 } as const;

/**
 * Projects of one `groupOrder` run beside each other, the groups one after the other: `pure` and `unit` share one process for
 * each thread, `e2e` has real Envoys and mostly waits for them, so that two files share two cores, and so do those of `paced`;
 * `live` runs file by file. `npm test` runs `pure` and `unit` beside `e2e` (scripts/test.js).
 */
const config: ReturnType<typeof defineConfig> = defineConfig({
  test: {
    projects: [
      { test: { ...FAST, name: 'pure', include: PURE, testTimeout: 120_000, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...FAST,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...PURE, ...REAL_PARTS, ...PACED],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...REAL,
          name: 'e2e',
          include: REAL_PARTS,
          exclude: [...PACED, ...LIVE],
          maxWorkers: BOTH_CORES,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...REAL, name: 'paced', include: PACED, maxWorkers: BOTH_CORES, sequence: { groupOrder: 2 } } },
      { test: { ...REAL, name: 'live', include: LIVE, fileParallelism: false, sequence: { groupOrder: 3 } } },
    ],
  },
});
export default config;

function endToEnd(name: string): string {
  return `test/e2e/${name}.test.ts`;
}
