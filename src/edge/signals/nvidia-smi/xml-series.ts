import type { Labels } from '../exposition-cursor.ts';
import type { Series } from '../exposition-line.ts';
import { NVIDIA_SMI_FIELDS } from '../formats/nvidia-smi.ts';
import type { MetricRow } from '../formats/row.ts';
import type { Refusal } from '../reading.ts';
import { readCell } from './cell.ts';
import type { NvidiaSmiSeries } from './read-nvidia-smi.ts';
import { elementsAt, readXmlTree, type XmlElement } from './xml-tree.ts';

/** `nvidia-smi -q -x`. The parts of a GPU that MIG cuts are there too; CSV has only the whole. */
export function seriesOfXml(text: string): NvidiaSmiSeries {
  const tree = readXmlTree(text);
  if (!tree.ok) {
    const line = text.slice(0, tree.at).split('\n').length;
    return { ok: false, fault: { line, message: `expected the XML of nvidia-smi -q -x, got ${tree.words}` } };
  }
  if (tree.root.name !== 'nvidia_smi_log') {
    return {
      ok: false,
      fault: { line: 1, message: `expected <nvidia_smi_log>, got <${tree.root.name.slice(0, 40)}>` },
    };
  }
  const series: Series[] = [];
  const refusals: Refusal[] = [];
  const take = (element: XmlElement, row: MetricRow, paths: readonly string[], labels: Labels): void => {
    for (const path of paths) {
      const text = elementsAt(element, path)[0]?.text;
      const cell = text === undefined ? 'Absent' : readCell(text, row.unit);
      if (cell === 'Absent') continue;
      if ('words' in cell) refusals.push({ name: path, words: `of ${labels.get('uuid')} ${cell.words}` });
      else series.push({ name: row.name, labels, value: cell.value });
      return;
    }
  };
  for (const gpu of elementsAt(tree.root, 'gpu')) {
    const uuid = elementsAt(gpu, 'uuid')[0]?.text;
    if (uuid === undefined || uuid === '') continue;
    const labels = new Map([['uuid', uuid]]);
    for (const { row, xml } of NVIDIA_SMI_FIELDS) take(gpu, row, xml, labels);
    for (const part of elementsAt(gpu, 'mig_devices/mig_device')) {
      const instance = elementsAt(part, 'gpu_instance_id')[0]?.text;
      if (instance === undefined) continue;
      const own = new Map([...labels, ['gpu_instance_id', instance]]);
      for (const { row, migXml } of NVIDIA_SMI_FIELDS) take(part, row, migXml ?? [], own);
    }
  }
  return { ok: true, series, refusals };
}
