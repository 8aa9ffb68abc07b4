// `npm run mutation`: changes the control law line by line and counts how many of the changes its tests notice.
// One file: `npm run mutation -- --mutate src/core/load/slots.ts`.
export default {
  mutate: ['src/core/load/*.ts', 'src/core/weights/*.ts'],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  cleanTempDir: 'always',
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 10_000,
  // There is none of this name: Stryker would rewrite it with the compiler's JavaScript API, which TypeScript 7 has not.
  tsconfigFile: 'tsconfig.stryker.json',
  ignorePatterns: [
    '/bench',
    '/bin',
    '/build',
    '/data',
    '/deploy',
    '/dist',
    '/docs',
    '/envoy',
    '/proto',
    '/test/golden',
    '/*.json5',
  ],
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'reports/mutation.json' },
  thresholds: { high: 95, low: 85, break: 85 },
};
