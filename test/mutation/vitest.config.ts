import { defineConfig } from 'vitest/config';

/**
 * The tests that `npm run mutation` holds against each changed line of the control law: its own, without those whose worth
 * is their number of samples. The simulator is left out: it takes minutes, and says that something is worse, not what.
 */
const config: ReturnType<typeof defineConfig> = defineConfig({
  test: {
    include: ['test/core/load/*.test.ts', 'test/core/weights/*.test.ts'],
    exclude: ['test/core/*/invariants.test.ts'],
    pool: 'threads',
    isolate: false,
    // Above what a loaded machine takes: a test that is too slow would count as one that notices.
    testTimeout: 120_000,
  },
});
export default config;
