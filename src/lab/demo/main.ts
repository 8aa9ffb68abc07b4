#!/usr/bin/env node
import { LoadlineError } from '../../base/errors.ts';
import { HELP, parseOptions } from './options.ts';
import { runDemo } from './run-demo.ts';
import { Screen } from './screen.ts';

/** Entry of `npm run demo`. */
const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind === 'Help') process.stdout.write(HELP);
else if (parsed.kind === 'Usage') {
  process.stderr.write(`${parsed.message}\nSee npm run demo -- --help.\n`);
  process.exitCode = 2;
} else {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // The second time somebody is in a hurry; what runs is killed with this process.
      if (interrupt.signal.aborted) process.exit(130);
      interrupt.abort();
    });
  }
  try {
    const report = await runDemo(parsed.options, new Screen(process.stdout), interrupt.signal);
    if (report === undefined) process.stderr.write('The demo was interrupted.\n');
    process.exitCode = report === undefined ? 130 : report.clientErrors > 0 ? 1 : 0;
  } catch (error) {
    const known = error instanceof LoadlineError;
    process.stderr.write(`The demo failed: ${known ? `${error.message} (${error.code})` : (error as Error).stack}\n`);
    process.exitCode = 1;
  }
  // Idle connections must not keep the process; everything that it started has ended.
  process.exit();
}
