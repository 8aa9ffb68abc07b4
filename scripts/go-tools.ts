// Builds the programs of others that tests run, or says why not: minutes of both cores where Go's cache is empty.
import { buildGoTool, GO_TOOLS } from '../test/support/go-tool.ts';

for (const name of GO_TOOLS) {
  const tool = await buildGoTool(name);
  process.stdout.write('missing' in tool ? `${name} is not there: ${tool.missing}\n` : `built: ${tool.binary}\n`);
}
