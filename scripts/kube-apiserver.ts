// `npm run kube-apiserver`: builds the Kubernetes API server that test/long/node-taints.test.ts runs against, once, into the cache.
import { installKubeApiserver } from '../test/support/kubernetes/install-kube-apiserver.ts';

// So that 'exit' is heard, where what was started is ended.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  process.stdout.write(`${await installKubeApiserver((text) => process.stderr.write(`kube-apiserver: ${text}\n`))}\n`);
} catch (error) {
  process.stderr.write(`kube-apiserver: ${(error as Error).message}\n`);
  process.exit(1);
}
