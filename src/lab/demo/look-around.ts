import type { Lab } from './lab.ts';

/** With `--keep`: where everything is, as commands to paste. */
export function lookAround(lab: Lab): readonly string[] {
  const { http, admin } = lab.loadline.addresses;
  const [server] = lab.lanes[1]!.servers;
  return [
    'Traffic goes on until Ctrl-C. To look around:',
    `  npx loadline status --admin ${admin}`,
    `  npx loadline explain chat --admin ${admin}`,
    `  curl -s http://${http}/api/state       weights and what is believed (also /metrics)`,
    `  curl -s ${lab.fleet.controlUrl}       the model servers, least-request lane first`,
    `  curl -s http://${server!.address}:${server!.port}/metrics       what one of them says about itself`,
    ...lab.lanes.flatMap(({ name, envoys, targets }) =>
      envoys.map(
        (envoy, index) =>
          `  ${envoy.adminUrl}/clusters       Envoy ${index + 1} of lane ${name}, serving on ${targets[index]!.host}:${targets[index]!.port}`,
      ),
    ),
    `  curl -X POST ${lab.fleet.controlUrl}/8/fault -d '{"speed":0.3}'       slow a GPU of Loadline's lane; '{}' heals it`,
    `  logs: ${lab.folder}`,
  ];
}
