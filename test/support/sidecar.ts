import { bootstrap } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { freePort } from './free-port.ts';

/** A real Envoy of group `lab`, fed by the server at `xds`, listening on a port of its own. */
export type Sidecar = { readonly id: string; readonly port: number; readonly envoy: EnvoyProcess };

/** `binary`: an Envoy of another release than the one that is found first; `admin`: where its admin interface is to be; `zone`: where it says that it is. */
export async function startSidecar(
  xds: string,
  id: string,
  binary?: string,
  admin?: string,
  zone?: string,
): Promise<Sidecar> {
  const port = await freePort();
  const envoy = await startEnvoy({
    binary: binary ?? (await findEnvoy()),
    bootstrap: bootstrap({
      nodeId: id,
      group: 'lab',
      xds: [xds],
      listeners: { models: `127.0.0.1:${port}` },
      ...(admin === undefined ? {} : { admin }),
      ...(zone === undefined ? {} : { zone }),
    }),
    concurrency: 1,
  });
  await envoy.ready(20_000);
  return { id, port, envoy };
}
