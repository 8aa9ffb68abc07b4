import { defineConfig } from 'vitest/config';

const REAL_PARTS = ['test/e2e/**/*.test.ts', 'test/long/llama-cpp.test.ts'];
/** What these find out hangs on when something happens: they have the machine for themselves. */
const TIMED = ['controller-death', 'failing-servers', 'gpu-fault', 'law-live', 'probe', 'rollout', 'shift', 'undo'].map(
  (name) => `test/e2e/${name}.test.ts`,
);

/** No test reads the profiles of whoever runs it. */
const NO_PROFILES = { LOADLINE_CONFIG: '' };

/**
 * Three projects, one after the other: `unit` shares one process per thread (fast, pure code), `e2e` has real Envoys and
 * mostly waits for them, so that two files share two cores, and `live` runs file by file.
 */
const config: ReturnType<typeof defineConfig> = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: REAL_PARTS,
          pool: 'threads',
          isolate: false,
          // Vitest would leave one of two cores idle.
          maxWorkers: 2,
          env: NO_PROFILES,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: REAL_PARTS,
          exclude: TIMED,
          pool: 'forks',
          maxWorkers: 2,
          env: NO_PROFILES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'live',
          include: TIMED,
          pool: 'forks',
          fileParallelism: false,
          env: NO_PROFILES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
export default config;
