import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type FakePlan = {
  readonly set?: Readonly<Record<string, string>>;
  readonly hang?: boolean;
  readonly fail?: string;
  readonly cut?: number;
  readonly flood?: boolean;
  readonly gpus?: number;
  /** File to which each run writes its process id. */
  readonly runs?: string;
};

/** What `fake-nvidia-smi.js` does next; its child processes find the plan through the environment. */
export class FakeNvidiaSmi {
  readonly path: string = join(import.meta.dirname, 'fake-nvidia-smi.js');
  readonly env: { readonly FAKE_NVIDIA_SMI: string };

  constructor(folder: string) {
    this.env = { FAKE_NVIDIA_SMI: join(folder, 'nvidia-smi-plan.json') };
  }

  plan(plan: FakePlan): void {
    writeFileSync(this.env.FAKE_NVIDIA_SMI, JSON.stringify(plan));
  }

  heal(): void {
    rmSync(this.env.FAKE_NVIDIA_SMI, { force: true });
  }
}
