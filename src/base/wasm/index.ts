export { loadWasm } from './load-wasm.ts';
