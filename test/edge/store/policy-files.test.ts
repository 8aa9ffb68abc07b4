import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PolicyRead, PolicyWatch, readPolicyFiles } from '../../../src/edge/store/index.ts';
import { readPlainText } from '../../../src/edge/store/plain-text.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-policies-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function namesOf(read: PolicyRead): readonly string[] {
  if (!read.ok) expect.fail(read.reason);
  return read.files.map(({ name }) => name);
}

function reasonOf(path: string): string {
  const read = readPolicyFiles(path);
  return read.ok ? expect.fail('it was read') : read.reason;
}

describe('reading policy files', () => {
  it('takes one file as it is', () => {
    const path = write('policy.conf', 'kind: x\n');
    expect(readPolicyFiles(path)).toMatchObject({ ok: true, files: [{ name: path, text: 'kind: x\n' }] });
  });

  it('takes the *.yaml and *.yml of a folder by name, not the hidden, not the nested', () => {
    for (const name of ['b.yaml', 'a.yml', '.hidden.yaml', 'notes.txt', 'yaml']) write(name, name);
    mkdirSync(join(folder, 'sub'));
    write('sub/c.yaml', 'c');
    expect(namesOf(readPolicyFiles(folder))).toEqual([join(folder, 'a.yml'), join(folder, 'b.yaml')]);
  });

  it('names files below the working directory as the operator would', () => {
    expect(namesOf(readPolicyFiles(join(process.cwd(), 'docs/examples/lab.yaml')))).toEqual(['docs/examples/lab.yaml']);
  });

  it('has one hash for one content, and another when a name or a text is another', () => {
    const hash = (): string => {
      const read = readPolicyFiles(folder);
      return read.ok ? read.hash : expect.fail(read.reason);
    };
    write('a.yaml', 'x');
    const first = hash();
    write('a.yaml', 'x');
    expect(hash()).toBe(first);
    write('a.yaml', 'y');
    const second = hash();
    expect(second).not.toBe(first);
    renameSync(join(folder, 'a.yaml'), join(folder, 'b.yaml'));
    expect(new Set([first, second, hash()]).size).toBe(3);
  });

  it('says why it cannot: missing, empty folder, a folder called like a file, too large', () => {
    expect(reasonOf(join(folder, 'none.yaml'))).toMatch(/none\.yaml cannot be read: ENOENT/);
    expect(reasonOf(folder)).toBe(`no *.yaml or *.yml file in ${folder}`);
    mkdirSync(join(folder, 'odd.yaml'));
    expect(reasonOf(folder)).toMatch(/odd\.yaml is no plain file/);
    rmSync(join(folder, 'odd.yaml'), { recursive: true });
    truncateSync(write('large.yaml', ''), 16 * 1024 * 1024 + 1);
    expect(reasonOf(folder)).toMatch(/with .*large\.yaml there are more than 16777216 bytes of policies/);
  });

  /** Each of these would stop the server, or take all of its memory, if it were read as files are. */
  it('opens nothing but plain files: no pipe, no device, no socket, also behind a link', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
    expect(reasonOf(folder)).toMatch(/pipe\.yaml is no plain file/);
    rmSync(join(folder, 'pipe.yaml'));
    for (const device of ['/dev/zero', '/dev/null']) {
      symlinkSync(device, join(folder, 'device.yaml'));
      expect(reasonOf(folder)).toMatch(/device\.yaml is no plain file/);
      rmSync(join(folder, 'device.yaml'));
    }
    const server = createServer().listen(join(folder, 'socket.yaml'));
    await once(server, 'listening');
    expect(reasonOf(folder)).toMatch(/socket\.yaml is no plain file/);
    await new Promise((resolve) => server.close(resolve));
    symlinkSync('loop.yaml', join(folder, 'loop.yaml'));
    expect(reasonOf(folder)).toMatch(/ELOOP/);
  });

  it('takes no more bytes than it may, whatever the size of the file says', () => {
    // Files of /proc have size 0 and content.
    expect(readPlainText('/proc/self/status', 1024 * 1024)).toContain('VmRSS');
    expect(readPlainText('/proc/self/status', 100)).toBeUndefined();
    const path = write('a.yaml', 'x'.repeat(100));
    expect(readPlainText(path, 100)).toHaveLength(100);
    expect(readPlainText(path, 99)).toBeUndefined();
    expect(readPlainText(write('none.yaml', ''), 0)).toBe('');
  });

  it('is bounded for all files of a folder together', () => {
    for (const name of ['a', 'b', 'c']) truncateSync(write(`${name}.yaml`, ''), 6 * 1024 * 1024);
    expect(reasonOf(folder)).toMatch(/with .*c\.yaml there are more than 16777216 bytes of policies/);
    rmSync(join(folder, 'c.yaml'));
    expect(namesOf(readPolicyFiles(folder))).toHaveLength(2);
    for (let at = 0; at < 999; at += 1) write(`${at}.yaml`, '');
    expect(reasonOf(folder)).toMatch(/has 1001 policy files; at most 1000 are read/);
  });

  it('takes UTF-8 alone, and says where it ends to be', () => {
    const bytes = (path: string, ...parts: (string | number[])[]) =>
      writeFileSync(join(folder, path), Buffer.concat(parts.map((part) => Buffer.from(part as string))));
    bytes('a.yaml', 'kind: x\n# ä is a letter, ', [0xe4], ' is none\n');
    expect(reasonOf(folder)).toMatch(/a\.yaml:2:18: expected UTF-8/);
    bytes('a.yaml', 'ends in the middle of a letter: ', [0xe2, 0x82]);
    expect(reasonOf(folder)).toMatch(/a\.yaml:1:33: expected UTF-8/);
    bytes('a.yaml', [0xff, 0xfe], Buffer.from('kind: x\n', 'utf16le') as unknown as number[]);
    expect(reasonOf(folder)).toMatch(/a\.yaml:1:1: expected UTF-8/);
    bytes('a.yaml', '\ufeffkind: ä€😀\ufffd\n');
    expect(readPolicyFiles(folder)).toMatchObject({ ok: true, files: [{ text: '\ufeffkind: ä€😀\ufffd\n' }] });
  });

  it('always answers while somebody else writes, cuts, renames and removes the files', async () => {
    const churn = `
      const { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } = require('node:fs');
      const pick = (all) => all[Math.floor(Math.random() * all.length)];
      const name = () => process.argv[1] + '/' + pick(['a', 'b', 'c']) + '.yaml';
      const acts = [
        () => writeFileSync(name(), 'kind: x # '.repeat(Math.random() * 20000)),
        () => appendFileSync(name(), 'more\\n'.repeat(1000)),
        () => truncateSync(name(), 100),
        () => renameSync(name(), name()),
        () => rmSync(name()),
      ];
      console.log('begun');
      for (;;) try { pick(acts)(); } catch (error) { if (error.code !== 'ENOENT') throw error; }`;
    const writer = spawn(process.execPath, ['-e', churn, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(writer.stdout, 'data');
      const said = new Map<boolean, number>([
        [true, 0],
        [false, 0],
      ]);
      // Until it has met both a whole folder and one that changed under it; what throws fails the test.
      for (let reads = 0; reads < 20_000 && (reads < 300 || Math.min(...said.values()) === 0); reads += 1) {
        const read = readPolicyFiles(folder);
        said.set(read.ok, (said.get(read.ok) ?? 0) + 1);
        if (!read.ok) expect(read.reason).toMatch(/cannot be read: ENOENT|no \*\.yaml/);
      }
      expect(Math.min(...said.values())).toBeGreaterThan(0);
      expect(writer.exitCode).toBeNull();
    } finally {
      const gone = once(writer, 'exit');
      writer.kill('SIGKILL');
      await gone;
    }
  });

  it('prints no file name that would move a cursor', () => {
    write('a\u001b[2J\n\u202e.yaml', 'x');
    expect(reasonOf(folder)).toBe(
      `the name of the file ${folder}/a\\u{1b}[2J\\u{a}\\u{202e}.yaml is not printable; rename it`,
    );
  });
});

describe('watching policy files', () => {
  /** A watch that looks when the test says so. */
  function watch(): { readonly told: PolicyRead[]; look(times?: number): void } {
    const told: PolicyRead[] = [];
    const watching = new PolicyWatch(folder, readPolicyFiles(folder), (read) => told.push(read));
    return {
      told,
      look: (times = 1) => {
        for (let i = 0; i < times; i++) watching.poll();
      },
    };
  }

  function text(read: PolicyRead | undefined): string | undefined {
    return read?.ok ? read.files.map((file) => file.text).join('|') : read?.reason;
  }

  it('says nothing while nothing changes, also when a file is written anew with the same text', () => {
    write('a.yaml', '1');
    const { told, look } = watch();
    look(3);
    write('a.yaml', '1');
    look(3);
    expect(told).toEqual([]);
  });

  it('tells a change once, and only after it was seen twice: a file being written is not read half', () => {
    write('a.yaml', '1');
    const { told, look } = watch();
    write('a.yaml', '2 ha');
    look();
    write('a.yaml', '2 half');
    look();
    expect(told).toEqual([]);
    look();
    expect(told.map(text)).toEqual(['2 half']);
    look(3);
    expect(told).toHaveLength(1);
  });

  it('does not tell what was taken back before it was seen twice', () => {
    write('a.yaml', '1');
    const { told, look } = watch();
    write('a.yaml', '2');
    look();
    write('a.yaml', '1');
    look(3);
    write('a.yaml', '2');
    look();
    expect(told).toEqual([]);
    look();
    expect(told.map(text)).toEqual(['2']);
  });

  it('sees files that come and go, and a folder that cannot be read', () => {
    write('a.yaml', '1');
    const { told, look } = watch();
    write('b.yaml', '2');
    look(2);
    unlinkSync(join(folder, 'a.yaml'));
    look(2);
    unlinkSync(join(folder, 'b.yaml'));
    look(4);
    write('a.yaml', '1');
    look(2);
    expect(told.map(text)).toEqual(['1|2', '2', `no *.yaml or *.yml file in ${folder}`, '1']);
  });

  it('sees an atomic swap of a mounted ConfigMap: a symbolic link to another folder', () => {
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(folder, `..${version}`));
      write(`..${version}/a.yaml`, version);
    }
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/a.yaml', join(folder, 'a.yaml'));
    const { told, look } = watch();
    symlinkSync('..v2', join(folder, '..tmp'));
    renameSync(join(folder, '..tmp'), join(folder, '..data'));
    look(2);
    expect(told.map(text)).toEqual(['v2']);
  });
});
