import { describe, expect, it } from 'vitest';
import { NO_PUSHES, pushCounts, pushesSince } from '../../../src/lab/demo/push-counts.ts';

const PAGE = `# HELP loadline_xds_pushes_total Responses sent to Envoys.
# TYPE loadline_xds_pushes_total counter
loadline_xds_pushes_total{type="cds",group="lab"} 4
loadline_xds_pushes_total{group="lab",type="eds"} 12
loadline_xds_pushes_total{type="eds",group="other"} 3
loadline_xds_pushes_total{type="sds",group="lab"} 9
loadline_xds_pushes_total_created{type="rds"} 5
loadline_decisions_total{type="rds"} 7
`;

describe('push counts', () => {
  it('are summed by type over the other labels of the one counter', () => {
    expect(pushCounts(PAGE)).toEqual({ ...NO_PUSHES, cds: 4, eds: 15 });
    expect(pushCounts('')).toEqual(NO_PUSHES);
  });

  it('count from a point in time', () => {
    expect(pushesSince({ ...NO_PUSHES, eds: 20, cds: 4 }, { ...NO_PUSHES, eds: 15, cds: 4 })).toEqual({
      ...NO_PUSHES,
      eds: 5,
    });
  });
});
