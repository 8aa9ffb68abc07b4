import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { LoadlineError } from '../../base/errors.ts';

/**
 * The lines of a file, one at a time: a recorded day does not fit in memory.
 * @throws LoadlineError LOADLINE_RECORDING when the file cannot be read
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  const stream = createReadStream(path, 'utf8');
  // Node 20 ends the lines quietly where newer ones throw: either way the stream has told its error.
  let failure: Error | undefined;
  stream.once('error', (error) => {
    failure = error;
  });
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    yield* lines;
  } catch (error) {
    failure ??= error as Error;
  } finally {
    stream.destroy();
  }
  if (failure !== undefined)
    throw new LoadlineError('LOADLINE_RECORDING', `${path} cannot be read: ${failure.message}`, failure);
}
