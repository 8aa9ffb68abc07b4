import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NvidiaSmiOptions, readNvidiaSmi } from '../../../../src/edge/signals/nvidia-smi/read-nvidia-smi.ts';
import { fixture } from '../fixture.ts';

const MIB = 1_048_576;
const GPU = 'GPU-00000000-0000-0000-0000-000000000000';
const CSV = fixture('nvidia-smi-h200-load.csv');
const XML = fixture('nvidia-smi-h100-mig-load.xml');

/** `GPU metric` to value, and what was refused. */
function read(text: string, options: NvidiaSmiOptions = {}) {
  const result = readNvidiaSmi(text, options);
  if (!result.ok) throw new Error(`line ${result.fault.line}: ${result.fault.message}`);
  const values = Object.fromEntries(result.readings.map(({ gpu, metric, value }) => [`${gpu} ${metric}`, value]));
  return { values, devices: new Set(result.readings.map(({ device }) => device)), refusals: result.refusals };
}

function faultOf(text: string, options: NvidiaSmiOptions = {}): string {
  const result = readNvidiaSmi(text, options);
  return result.ok ? 'none' : `${result.fault.line}: ${result.fault.message}`;
}

/** The same output as `nounits` prints it. */
function withoutUnits(text: string): string {
  const [head = '', ...rows] = text.split('\n');
  return [head, ...rows.map((row) => row.replace(/ (?:%|MiB|W|MHz|us)(?=,|$)/g, ''))].join('\n');
}

describe('the CSV of nvidia-smi', () => {
  const loaded = {
    [`${GPU} gpuUtilRatio`]: 1,
    [`${GPU} smClockHertz`]: 1.98e9,
    [`${GPU} powerWatts`]: 627.4,
    [`${GPU} memoryUsedBytes`]: 32_362 * MIB,
    [`${GPU} memoryTotalBytes`]: 143_771 * MIB,
    [`${GPU} throttleRatio`]: 0,
    [`${GPU} throttledSecondsTotal`]: 0,
  };

  it('of a loaded H200, all of its fields asked for, gives those that matter', () => {
    expect(read(CSV)).toEqual({ values: loaded, devices: new Set(['Whole']), refusals: [] });
  });

  it('means the same without units, with CRLF, and without a head where the fields are named', () => {
    expect(read(withoutUnits(CSV)).values).toEqual(loaded);
    expect(withoutUnits(CSV)).not.toContain('32362 MiB');
    expect(read(CSV.replaceAll('\n', '\r\n')).values).toEqual(loaded);
    const [head = '', row = ''] = CSV.split('\n');
    const fields = head.split(', ').map((column) => column.replace(/ \[.*/, ''));
    expect(read(row, { fields }).values).toEqual(loaded);
    expect(read(withoutUnits(CSV).split('\n')[1] as string, { fields }).values).toEqual(loaded);
  });

  it('of an H100 with MIG has no utilisation, which is not zero, and says that the device is cut', () => {
    const { values, devices, refusals } = read(fixture('nvidia-smi-h100-mig-load.csv'));
    expect(values).toEqual({
      [`${GPU} smClockHertz`]: 1.98e9,
      [`${GPU} powerWatts`]: 433.78,
      [`${GPU} memoryUsedBytes`]: 11_125 * MIB,
      [`${GPU} memoryTotalBytes`]: 81_559 * MIB,
      [`${GPU} throttleRatio`]: 0,
      [`${GPU} throttledSecondsTotal`]: 0,
    });
    expect({ devices, refusals }).toEqual({ devices: new Set(['Partitioned']), refusals: [] });
  });

  it('is throttled where a reason that costs capacity is active, by its old names and its new', () => {
    const csv = `uuid, clocks_throttle_reasons.hw_slowdown, clocks_throttle_reasons.sw_thermal_slowdown, clocks_throttle_reasons.sw_power_cap
GPU-a, Not Active, Active, Active
GPU-b, Not Active, Not Active, Active
`;
    expect(read(csv).values).toEqual({ 'GPU-a throttleRatio': 1, 'GPU-b throttleRatio': 0 });
    const xml = `<nvidia_smi_log><gpu><uuid>GPU-a</uuid><clocks_event_reasons>
<clocks_event_reason_hw_thermal_slowdown>Active</clocks_event_reason_hw_thermal_slowdown></clocks_event_reasons>
<clocks_event_reasons_counters><clocks_event_reasons_counters_sw_thermal_slowdown>2500000 us</clocks_event_reasons_counters_sw_thermal_slowdown></clocks_event_reasons_counters></gpu></nvidia_smi_log>`;
    expect(read(xml).values).toEqual({ 'GPU-a throttleRatio': 1, 'GPU-a throttledSecondsTotal': 2.5 });
  });

  it('knows the short name of a column, several GPUs, and a GPU by its index alone', () => {
    const two = 'index, utilization.gpu [%], clocks.sm [MHz]\n0, 5 %, 210 MHz\n1, 90 %, 1980 MHz\n';
    expect(read(two).values).toEqual({
      'index-0 gpuUtilRatio': 0.05,
      'index-0 smClockHertz': 2.1e8,
      'index-1 gpuUtilRatio': 0.9,
      'index-1 smClockHertz': 1.98e9,
    });
  });

  it('has nothing where nvidia-smi has nothing', () => {
    for (const nothing of [
      '[N/A]',
      'N/A',
      '[Not Supported]',
      '[Requested functionality has been deprecated]',
      '[Unknown Error]',
      '',
    ]) {
      expect(read(`uuid, utilization.gpu [%], memory.used [MiB]\nGPU-a, ${nothing}, 7 MiB\n`), nothing).toMatchObject({
        values: { 'GPU-a memoryUsedBytes': 7 * MIB },
        refusals: [],
      });
    }
  });

  it('refuses a value that cannot be, says where, and keeps the rest', () => {
    const page = (cell: string, head = 'utilization.gpu [%]') =>
      `uuid, ${head}, memory.used [MiB]\nGPU-a, ${cell}, 7 MiB\n`;
    const cases: readonly (readonly [string, string])[] = [
      [page('Not Active'), 'is "Not Active", where a number in % is expected (line 2, column 2)'],
      [page('5 GHz'), 'is in "GHz", where a number in % is expected (line 2, column 2)'],
      [page('5', 'utilization.gpu [ratio]'), 'is in "ratio", where a number in % is expected (line 2, column 2)'],
      [page('140 %'), 'of GPU-a is 140, outside 0..105'],
      [page('-5 %'), 'of GPU-a is -5, outside 0..105'],
    ];
    for (const [text, words] of cases) {
      expect(read(text)).toMatchObject({
        values: { 'GPU-a memoryUsedBytes': 7 * MIB },
        refusals: [{ name: 'utilization.gpu', words }],
      });
    }
  });

  it('is a fault when it is cut, mixed up, or was asked for nothing of use', () => {
    expect(faultOf('uuid, utilization.gpu [%]\nGPU-a, 5 %\nGPU-b\n')).toBe(
      '3: expected 2 columns as in the head, got 1: the output is cut or mixed',
    );
    expect(faultOf('utilization.gpu [%]\n5 %\n')).toBe('1: no column tells the GPUs apart: add uuid to --query-gpu');
    expect(faultOf('uuid, fan.speed [%]\nGPU-a, 5 %\n')).toMatch(/^1: no column is of use: add utilization.gpu/);
    expect(faultOf('GPU-a, 5 %\n')).toBe(
      '1: expected the name of a field in column 1, got "GPU-a": leave noheader out, or name the fields',
    );
  });
});

describe('the XML of nvidia-smi', () => {
  it('of an H100 with MIG has the memory of each part, and no utilisation', () => {
    const { values, devices, refusals } = read(XML);
    expect(values).toEqual({
      [`${GPU} smClockHertz`]: 1.98e9,
      [`${GPU} powerWatts`]: 433.78,
      [`${GPU} memoryUsedBytes`]: 11_125 * MIB,
      [`${GPU} memoryTotalBytes`]: 81_559 * MIB,
      [`${GPU}/2 memoryUsedBytes`]: 11_091 * MIB,
      [`${GPU}/2 memoryTotalBytes`]: 40_448 * MIB,
      [`${GPU}/3 memoryUsedBytes`]: 17 * MIB,
      [`${GPU}/3 memoryTotalBytes`]: 20_096 * MIB,
    });
    expect({ devices, refusals }).toEqual({ devices: new Set(['Partitioned']), refusals: [] });
  });

  it('of a whole GPU has its utilisation, and power under the name that its driver uses', () => {
    const whole = XML.replace(/<mig_devices>[\s\S]*<\/mig_devices>/, '<mig_devices>\n\tNone\n</mig_devices>')
      .replace('<current_mig>Enabled', '<current_mig>Disabled')
      .replace('<gpu_util>N/A', '<gpu_util>87 %');
    const worded = whole.replace('87 %', 'Requested functionality has been deprecated');
    expect(read(worded)).toMatchObject({ refusals: [] });
    expect(read(worded).values).not.toHaveProperty([`${GPU} gpuUtilRatio`]);
    expect(read(whole)).toMatchObject({ values: { [`${GPU} gpuUtilRatio`]: 0.87 }, devices: new Set(['Whole']) });
    const old = whole.replaceAll('gpu_power_readings', 'power_readings').replaceAll('average_power_draw', 'power_draw');
    expect(read(old).values).toHaveProperty([`${GPU} powerWatts`], 433.78);
  });

  it('is a fault, with its line, when it is cut or something else', () => {
    expect(faultOf(XML.slice(0, XML.indexOf('</utilization>')))).toMatch(
      /^\d+: expected the XML of nvidia-smi -q -x, got <utilization> that is not closed: the text is cut$/,
    );
    expect(faultOf('<a>\n<b>\n</a>')).toBe('3: expected the XML of nvidia-smi -q -x, got </a> where </b> is due');
    expect(faultOf('<html></html>')).toBe('1: expected <nvidia_smi_log>, got <html>');
    expect(faultOf(`${'<a>'.repeat(100)}`)).toMatch(/^1: .* more than 64 elements inside one another$/);
  });

  it('has no entities to expand and no document type to follow', () => {
    const bomb =
      '<!DOCTYPE x [<!ENTITY a "&b;&b;"><!ENTITY b "1">]><nvidia_smi_log><gpu><uuid>&a;</uuid></gpu></nvidia_smi_log>';
    expect(faultOf(bomb)).toMatch(/^1: expected the XML/);
    expect(
      read('<nvidia_smi_log><gpu><uuid>&a;</uuid><clocks><sm_clock>5 MHz</sm_clock></clocks></gpu></nvidia_smi_log>')
        .values,
    ).toEqual({});
  });
});

describe('other output of nvidia-smi', () => {
  it('is named for what it is', () => {
    const people = fixture('nvidia-smi-h200-load-q.txt');
    expect(people).toContain('NVSMI LOG');
    expect(faultOf(people)).toMatch(/expected CSV or XML, got the output for people: run nvidia-smi -q -x/);
    expect(faultOf('Fri Jul  3 22:11:09 2026\n+-----+\n| NVIDIA-SMI 590.48.01 |\n')).toMatch(/output for people/);
    expect(faultOf('\n \n')).toMatch(/^1: expected the output of nvidia-smi, got nothing/);
    expect(faultOf('No devices were found\n')).toBe('1: nvidia-smi found no GPU: "No devices were found"');
    expect(faultOf("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n")).toMatch(
      /found no GPU/,
    );
  });

  it('never throws, whatever is cut out of it or scribbled into it', () => {
    const spoilt = fc
      .tuple(fc.constantFrom(CSV, XML), fc.nat(12_000), fc.nat(400), fc.string({ unit: 'binary', maxLength: 20 }))
      .map(([text, from, length, scribble]) => text.slice(0, from) + scribble + text.slice(from + length));
    fc.assert(
      fc.property(spoilt, (text) => {
        const result = readNvidiaSmi(text);
        if (!result.ok) expect(result.fault.message).not.toBe('');
        else for (const { value } of result.readings) expect(Number.isFinite(value)).toBe(true);
      }),
    );
  });
});
