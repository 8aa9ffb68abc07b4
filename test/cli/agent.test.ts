import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const TAINTS = ['--node-taints', 'gpu-7', '--kubernetes-api'];

describe('loadline agent', () => {
  it.each([
    [
      [],
      'nothing to read: give --nvidia-smi, --gpu-exporter URL, --engine ADDR=URL, --spot-notices or --node-taints NODE',
    ],
    [['--spot-notices', 'https://x/'], '--spot-notices https://x/: expected a URL without a path, such as http://169'],
    [['--spot-notices', 'http://x/latest'], '--spot-notices http://x/latest: expected a URL without a path'],
    [['--nvidia-smi'], 'nobody is told whose the GPUs are: give --endpoint ADDR, --node or --pod'],
    [
      ['--nvidia-smi', '--gpu-exporter', 'http://127.0.0.1:9400/metrics', '--node', 'n'],
      'either --nvidia-smi or --gpu-exporter, not both: each would speak of the same GPUs',
    ],
    [['--server', '18001', '--nvidia-smi', '--node', 'n'], '--server: address "18001": expected HOST:PORT'],
    [['--interval', '20s', '--nvidia-smi', '--node', 'n'], '--interval 20s: expected a duration 100ms..10s'],
    [['--interval', 'often', '--nvidia-smi', '--node', 'n'], '--interval often: expected a duration 100ms..10s'],
    [['--engine', '10.0.0.1:8000'], '--engine 10.0.0.1:8000: expected ADDR=URL'],
    [['--engine', 'llama:8000=http://x/'], '--engine llama:8000: expected the IP address and port on which'],
    [['--engine', '10.0.0.1:8000=ftp://x/'], '--engine: expected a URL such as http://127.0.0.1:8000/metrics'],
    [['--gpu-exporter', 'localhost:9400', '--node', 'n'], '--gpu-exporter: expected a URL such as'],
    [
      ['--nvidia-smi', '--endpoint', '10.0.0.1:8000=0,1'],
      "--endpoint 10.0.0.1:8000=0,1: '0' is no UUID of a GPU; nvidia-smi -L prints them",
    ],
    [['--nvidia-smi', '--endpoint', 'unix:/a'], '--endpoint unix:/a: expected the IP address and port'],
    [['--node-taints'], '--node-taints: which node? Give its name, in a pod that of spec.nodeName, or --node'],
    [['--node-taints', ''], '--node-taints: which node?'],
    [['--node-taints', '../pods'], "--node-taints: '../pods' is no name of a Kubernetes node"],
    [['--node-taints', '--node', 'GPU 7'], "--node-taints: 'GPU 7' is no name of a Kubernetes node"],
    [
      ['--node-taints', 'gpu-7'],
      '--node-taints: this is no pod of a cluster; say with --kubernetes-api where its API is',
    ],
    [['--spot-notices', '--taint', 'a'], '--taint and --kubernetes-… are for --node-taints NODE'],
    [['--spot-notices', '--kubernetes-api', 'https://x'], '--taint and --kubernetes-… are for --node-taints NODE'],
    [[...TAINTS, 'http://10.0.0.1'], '--kubernetes-api: expected https://, since 10.0.0.1 is not this machine'],
    [[...TAINTS, 'https://10.0.0.1/api'], '--kubernetes-api: expected a URL without a path'],
    [
      [...TAINTS, 'http://127.0.0.1:8001', '--kubernetes-token-file', 't'],
      '--kubernetes-token-file: a token is sent over https:// alone',
    ],
    [
      ['--node-taints', 'gpu-7', '--kubernetes-ca-file', 'c'],
      '--kubernetes-token-file and --kubernetes-ca-file are for --kubernetes-api URL',
    ],
    [[...TAINTS, 'https://10.0.0.1', '--taint', 'a b'], '--taint a b: expected the key of a taint'],
    [[...TAINTS, 'https://10.0.0.1', '--taint', 'a:soon'], '--taint a:soon: expected after the colon how long'],
  ])('%j is a mistake of usage', async (argv, words) => {
    const { code, out, err } = await run('agent', ...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`error: ${words}`);
  });
});
