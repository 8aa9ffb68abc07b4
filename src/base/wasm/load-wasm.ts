import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

/** Of Node 20; later ones have another compiler. */
const V8_WITH_FAULT = '11.';

/**
 * Loads a CommonJS package that is WebAssembly.
 *
 * Turbofan of V8 11 builds calls into WebAssembly into the functions that make them, and when such a function is given up in the middle of a
 * call the process may end with `Fatal error: unreachable code` (`Deoptimizer::DoComputeBuiltinContinuation`, seen on Node
 * 20.20.2). Called plainly they cost some nanoseconds more.
 *
 * @param from `import.meta.url` of the module that asks
 */
export function loadWasm<T>(name: string, from: string): T {
  if (process.versions.v8.startsWith(V8_WITH_FAULT)) setFlagsFromString('--no-turbo-inline-js-wasm-calls');
  return createRequire(from)(name) as T;
}
