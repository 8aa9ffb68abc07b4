// `npm run llama-server`: builds the llama.cpp server that test/long/llama-cpp.test.ts runs against, once, into the cache.
import { installLlamaServer } from '../test/support/llama-cpp/install-llama-server.ts';

// So that 'exit' is heard, where what was started is ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const { binary, model } = await installLlamaServer((text) => process.stderr.write(`llama-server: ${text}\n`));
  process.stdout.write(`${binary}\n${model}\n`);
} catch (error) {
  process.stderr.write(`llama-server: ${(error as Error).message}\n`);
  process.exit(1);
}
