import { afterEach, describe, expect, it } from 'vitest';
import {
  GpuMeter,
  type ModelServers,
  type ProfileInput,
  STANDARD_PROFILE,
  startModelServers,
} from '../../../src/lab/modelserver/index.ts';
import { call, open, samples, until, valuesOf } from './client.ts';

const HONEST = { mode: 'Honest', speed: 1, loaded: true } as const;
const MIB = 1024 * 1024;

let running: ModelServers | undefined;

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(profiles: readonly ProfileInput[]): Promise<ModelServers> {
  running = await startModelServers({ count: profiles.length, firstPort: 0, profiles });
  return running;
}

async function gpu(servers: ModelServers, index: number): Promise<Map<string, number>> {
  return samples((await call(servers.servers[index]?.gpuPort as number, '/metrics')).body);
}

function one(page: Map<string, number>, name: string): number {
  const values = valuesOf(page, name);
  if (values.length !== 1) throw new Error(`${name}: ${values.length} samples`);
  return values[0] as number;
}

describe('the GPU meter', () => {
  it('averages the occupancy since the last collection', () => {
    const meter = new GpuMeter(STANDARD_PROFILE, 0);
    expect(meter.reading.utilRatio).toBe(0);
    meter.collect(1000, 250, HONEST);
    expect(meter.reading.utilRatio).toBeCloseTo(0.25, 9);
    meter.collect(31_000, 15_250, HONEST);
    expect(meter.reading.utilRatio).toBeCloseTo(0.5, 9);
  });

  it('pinned: the duty cycle is 1 while memory and power stay honest', () => {
    const meter = new GpuMeter(STANDARD_PROFILE, 0);
    meter.collect(1000, 0, { ...HONEST, mode: 'Pinned' });
    expect(meter.reading.utilRatio).toBe(1);
    expect(meter.reading.memoryBusyRatio).toBe(0);
    expect(meter.reading.powerWatts).toBeLessThan(200);
  });

  it('lets the SM clock follow the speed, and the energy grow', () => {
    const meter = new GpuMeter(STANDARD_PROFILE, 0);
    meter.collect(1000, 1000, HONEST);
    const { smClockHertz, energyJoules } = meter.reading;
    meter.collect(2000, 2000, { ...HONEST, speed: 0.5 });
    expect(meter.reading.smClockHertz).toBe(smClockHertz / 2);
    expect(meter.reading.energyJoules).toBeGreaterThan(energyJoules);
  });

  it('shows a dead engine as empty memory, a living one as memory taken whatever the load', () => {
    const meter = new GpuMeter(STANDARD_PROFILE, 0);
    meter.collect(1000, 0, HONEST);
    expect(meter.reading.usedBytes / (meter.reading.usedBytes + meter.reading.freeBytes)).toBeCloseTo(0.9, 3);
    meter.collect(2000, 0, { ...HONEST, loaded: false });
    expect(meter.reading.usedBytes).toBe(0);
  });
});

describe('the GPU exporter', () => {
  it('tells the same truth in both generations, each in its own names and units', async () => {
    const base: ProfileInput = { gpuPeriod: '50ms', slots: 4, stepMs: 1000, gpuMemoryMib: 80_000, smClockMhz: 1980 };
    const servers = await start([
      { ...base, dcgm: 1 },
      { ...base, dcgm: 2 },
    ]);
    const streams = await Promise.all(
      [0, 1].flatMap((index) =>
        [0, 1].map(() =>
          open(servers.servers[index]?.port as number, '/v1/completions', {
            prompt: 'a',
            max_tokens: 900,
            stream: true,
          }),
        ),
      ),
    );
    const first = await until(
      () => gpu(servers, 0),
      (page) => one(page, 'DCGM_FI_DEV_GPU_UTIL') === 50,
    );
    const second = await until(
      () => gpu(servers, 1),
      (page) => one(page, 'DCGM_FI_DEV_GPU_UTIL_RATIO') === 0.5,
    );
    expect(one(first, 'DCGM_FI_PROF_GR_ENGINE_ACTIVE')).toBeCloseTo(0.5, 5);
    expect(one(second, 'DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO')).toBeCloseTo(0.5, 5);
    const pairs: readonly [string, string, number][] = [
      ['DCGM_FI_DEV_SM_CLOCK', 'DCGM_FI_DEV_SM_CLOCK_HERTZ', 1_000_000],
      ['DCGM_FI_DEV_MEM_CLOCK', 'DCGM_FI_DEV_MEMORY_CLOCK_HERTZ', 1_000_000],
      ['DCGM_FI_DEV_FB_USED', 'DCGM_FI_DEV_FB_USED_BYTES', MIB],
      ['DCGM_FI_DEV_FB_FREE', 'DCGM_FI_DEV_FB_FREE_BYTES', MIB],
      ['DCGM_FI_DEV_MEM_COPY_UTIL', 'DCGM_FI_DEV_MEMORY_UTIL_RATIO', 0.01],
      ['DCGM_FI_DEV_POWER_USAGE', 'DCGM_FI_DEV_BOARD_POWER_WATTS', 1],
      ['DCGM_FI_DEV_GPU_TEMP', 'DCGM_FI_DEV_GPU_TEMP_CELSIUS', 1],
      ['DCGM_FI_PROF_DRAM_ACTIVE', 'DCGM_FI_PROF_DRAM_UTIL_RATIO', 1],
      ['DCGM_FI_DEV_XID_ERRORS', 'DCGM_FI_DEV_XID_ERROR', 1],
    ];
    for (const [old, renamed, factor] of pairs) {
      expect(one(second, renamed), renamed).toBeCloseTo(one(first, old) * factor, 5);
      expect(valuesOf(first, renamed), renamed).toEqual([]);
      expect(valuesOf(second, old), old).toEqual([]);
    }
    expect(one(first, 'DCGM_FI_DEV_SM_CLOCK')).toBe(1980);
    expect(one(second, 'DCGM_FI_DEV_FB_USED_BYTES')).toBe(72_000 * MIB);
    for (const stream of streams) stream.on('error', () => undefined).destroy();
  });

  it('has the labels of dcgm-exporter in the order of its template, and no version in its content type', async () => {
    const servers = await start([{ dcgm: 1 }, { dcgm: 2 }]);
    const answer = await call(servers.servers[1]?.gpuPort as number, '/metrics');
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toMatch(
      /^DCGM_FI_DEV_GPU_UTIL_RATIO\{gpu="0",UUID="GPU-[0-9a-f-]{36}",pci_bus_id="[^"]+",device="nvidia0",modelName="[^"]+",hostname="lab-node-1",DCGM_FI_DRIVER_VERSION="[^"]+",container="vllm",namespace="lab",pod="modelserver-1"\} 0\.000000$/m,
    );
    const first = await call(servers.servers[0]?.gpuPort as number, '/metrics');
    expect(first.body).toMatch(/^DCGM_FI_DEV_GPU_UTIL\{.*Hostname="lab-node-0".*\} 0$/m);
    expect(first.body).toContain('err_code="0",err_msg="No Error"} 0\n');
    expect(first.body).toContain('# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n');
    expect((await call(servers.servers[0]?.gpuPort as number, '/health')).body).toBe('OK');
    expect((await call(servers.servers[0]?.gpuPort as number, '/')).status).toBe(404);
  });

  it('shows a value from before the load until its period is over', async () => {
    const servers = await start([
      { gpuPeriod: '1h', slots: 1 },
      { gpuPeriod: '50ms', slots: 1 },
    ]);
    const body = { prompt: 'a', max_tokens: 1000, stream: true };
    const streams = await Promise.all(servers.servers.map(({ port }) => open(port, '/v1/completions', body)));
    await until(
      () => gpu(servers, 1),
      (page) => one(page, 'DCGM_FI_DEV_GPU_UTIL') > 90,
    );
    expect(servers.snapshot()[0]?.running).toBe(1);
    expect(one(await gpu(servers, 0), 'DCGM_FI_DEV_GPU_UTIL')).toBe(0);
    for (const stream of streams) stream.on('error', () => undefined).destroy();
  });

  it('pins, unpins and changes its period by fault', async () => {
    const servers = await start([{ gpuPeriod: '1h' }]);
    await servers.fault(0, { gpu: 'Pinned' });
    expect(one(await gpu(servers, 0), 'DCGM_FI_DEV_GPU_UTIL')).toBe(100);
    await servers.fault(0, {});
    expect(one(await gpu(servers, 0), 'DCGM_FI_DEV_GPU_UTIL')).toBe(0);
    await servers.fault(0, { gpuPeriod: '50ms', speed: 0.25 });
    await until(
      () => gpu(servers, 0),
      (page) => one(page, 'DCGM_FI_DEV_SM_CLOCK') === 495,
    );
    await servers.fault(0, { gpuPeriod: '50ms' });
    await until(
      () => gpu(servers, 0),
      (page) => one(page, 'DCGM_FI_DEV_SM_CLOCK') === 1980,
    );
  });
});
