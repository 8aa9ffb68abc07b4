/** The load client, in a process of its own: its CPU must not be the server's, nor its garbage the bench's. */
import { Fleet } from './fleet.ts';
import type { Answer, Command } from './messages.ts';

const tell = (answer: Answer): void => {
  process.send?.(answer);
};
const fleet = new Fleet((reason) => tell({ kind: 'failed', reason }));

process.on('message', async (command: Command) => {
  try {
    tell(await obey(command));
  } catch (error) {
    tell({ kind: 'failed', reason: (error as Error).message });
  }
});
process.on('disconnect', () => process.exit());

async function obey(command: Command): Promise<Answer> {
  switch (command.kind) {
    case 'open':
      return fleet.open(command);
    case 'await':
      return fleet.reached(command.change);
    case 'receipts':
      return fleet.receipts(command.from, command.to);
    case 'reconnect':
      return fleet.reconnect();
    case 'stall':
      return fleet.stall(command.streams);
    case 'close':
      return fleet.close();
  }
}
