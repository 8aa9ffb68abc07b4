import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadWasm } from '../../../src/base/wasm/index.ts';

/** Calls WebAssembly from code that is compiled, and prints whether the call was built into it. */
const CALLER = `
const { setFlagsFromString } = require('node:v8');
if (process.argv[1] === 'plain') setFlagsFromString('--no-turbo-inline-js-wasm-calls');
// (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
const bytes = Buffer.from('0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b', 'hex');
const { add } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
const sum = (n) => { let total = 0; for (let i = 0; i < n; i += 1) total = add(total, i) | 0; return total; };
let last = 0;
for (let i = 0; i < 200; i += 1) last = sum(10_000);
console.log(last);
`;

describe('packages of WebAssembly', () => {
  it('are loaded as they are', () => {
    const sqlite = loadWasm<{ readonly Database: unknown }>('node-sqlite3-wasm', import.meta.url);
    expect(typeof sqlite.Database).toBe('function');
    expect(() => loadWasm('no-such-package', import.meta.url)).toThrow('no-such-package');
  });

  it('are called to the same results whether calls are built in or not', () => {
    const [plain, built] = ['plain', 'built'].map((how) =>
      spawnSync(process.execPath, ['-e', CALLER, how], {
        cwd: join(import.meta.dirname, '../../..'),
        encoding: 'utf8',
      }),
    );
    expect(plain).toMatchObject({ status: 0, stderr: '' });
    expect(plain?.stdout).toBe(built?.stdout);
  });
});
