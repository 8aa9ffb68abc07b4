import { defineConfig } from 'vitest/config';

const REAL_ENVOYS = ['test/e2e/**/*.test.ts', 'test/long/llama-cpp.test.ts'];

/**
 * Two projects: `unit` shares one process per thread (fast, pure code), `e2e` isolates files and runs them one after the
 * other, because they start real Envoys on two cores.
 */
const config: ReturnType<typeof defineConfig> = defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: REAL_ENVOYS,
          pool: 'threads',
          isolate: false,
          // Vitest would leave one of two cores idle.
          maxWorkers: 2,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: REAL_ENVOYS,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
export default config;
