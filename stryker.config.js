// `npm run mutation`: changes the control law line by line and counts how many of the changes its tests notice.
// One file: `npm run mutation -- --mutate src/core/load/slots.ts`. A sample spread evenly over all lines, here the third of
// eight: `LOADLINE_MUTATION_SAMPLE=3/8 npm run mutation`. All of it takes an hour of a quiet machine with two cores.
import { readdirSync, readFileSync } from 'node:fs';

const ROOMS = ['src/core/load', 'src/core/weights'];
const SAMPLE = /^([1-9]\d*)\/([1-9]\d*)$/.exec(process.env.LOADLINE_MUTATION_SAMPLE ?? '');
const BLOCK_LINES = 5;

/** Each n-th block of lines, counted over all files. What reaches beyond its block (whole functions, mostly) is left out. */
function sampled(part, of) {
  let block = 0;
  const ranges = [];
  for (const room of ROOMS) {
    for (const name of readdirSync(room)
      .filter((one) => one.endsWith('.ts'))
      .sort()) {
      const lines = readFileSync(`${room}/${name}`, 'utf8').split('\n').length;
      for (let first = 1; first <= lines; first += BLOCK_LINES) {
        if (block % of === part - 1)
          ranges.push(`${room}/${name}:${first}-${Math.min(lines, first + BLOCK_LINES - 1)}`);
        block += 1;
      }
    }
  }
  return ranges;
}

export default {
  mutate: SAMPLE === null ? ROOMS.map((room) => `${room}/*.ts`) : sampled(Number(SAMPLE[1]), Number(SAMPLE[2])),
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
  cleanTempDir: 'always',
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // What only runs while modules are loaded: tables of constants, for each of which all tests would run again.
  ignoreStatic: true,
  timeoutMS: 60_000,
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
  reporters: ['clear-text', 'progress-append-only', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: 'reports/mutation.json' },
  thresholds: { high: 95, low: 85, break: 85 },
};
