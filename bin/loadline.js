#!/usr/bin/env node
// The command line of a checkout or of an installed package. In a checkout (where src/ exists) it builds first when that is
// due, so that `npx loadline` works on a fresh clone; an installed package has only dist/.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (existsSync(join(root, 'src')) && existsSync(join(root, 'scripts/setup.js'))) {
  const { setup } = await import(pathToFileURL(join(root, 'scripts/setup.js')).href);
  await setup(['--quiet']);
}
const { main } = await import(pathToFileURL(join(root, 'dist/cli/main.js')).href);
process.exitCode = await main(process.argv.slice(2));
