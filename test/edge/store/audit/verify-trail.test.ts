import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AuditRecord, GENESIS, sealRecord, sha256 } from '../../../../src/edge/store/audit/audit-record.ts';
import { canonicalJson } from '../../../../src/edge/store/audit/canonical-json.ts';
import { type TrailVerdict, verifyTrail } from '../../../../src/edge/store/audit/verify-trail.ts';

const CHAT = { kind: 'ModelService', name: 'chat' };

/** Ten writes of one document, `text 1` to `text 10`. */
function aTrail(): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let sequence = 1; sequence <= 10; sequence++) {
    const changes = [{ ...CHAT, operation: 'Put' as const, sha256: sha256(`text ${sequence}`) }];
    const body = {
      sequence,
      atMs: sequence,
      action: 'Apply',
      author: 'ann',
      reason: `no ${sequence}`,
      revision: sequence,
      changes,
    };
    records.push(sealRecord(body, records.at(-1)?.hash ?? GENESIS));
  }
  return records;
}

function verdictOf(
  records: readonly AuditRecord[],
  over: Partial<Parameters<typeof verifyTrail>[0]> = {},
): TrailVerdict {
  const whole = aTrail();
  return verifyTrail({
    records: records.map((record) => ({ ok: true, record })),
    head: { sequence: 10, hash: whole[9]?.hash ?? '' },
    version: (revision) => sha256(`text ${revision}`),
    documents: [{ ...CHAT, found: sha256('text 10') }],
    ...over,
  });
}

describe('the trail', () => {
  it('is whole when nothing was touched, and says what to note', () => {
    const records = aTrail();
    expect(verdictOf(records)).toEqual({
      ok: true,
      records: 10,
      head: { sequence: 10, hash: records[9]?.hash },
      contents: 11,
      lost: 0,
    });
  });

  it('names the first record that was altered, removed, added or moved', () => {
    const altered = aTrail();
    altered[3] = { ...(altered[3] as AuditRecord), reason: 'another' };
    expect(verdictOf(altered)).toMatchObject({ ok: false, sequence: 4, reason: expect.stringMatching(/altered/) });
    const removed = aTrail();
    removed.splice(4, 1);
    expect(verdictOf(removed)).toEqual({ ok: false, sequence: 5, reason: 'it is missing; the next one is 6' });
    const added = aTrail();
    added.splice(2, 0, added[2] as AuditRecord);
    expect(verdictOf(added)).toMatchObject({ ok: false, sequence: 4 });
    const moved = aTrail();
    [moved[5], moved[6]] = [moved[6] as AuditRecord, moved[5] as AuditRecord];
    expect(verdictOf(moved)).toMatchObject({ ok: false, sequence: 6 });
    expect(verdictOf(aTrail().slice(0, 8))).toMatchObject({
      ok: false,
      sequence: 9,
      reason: expect.stringMatching(/removed from its end/),
    });
  });

  it('that was sealed anew after an alteration shows where the chain no longer fits', () => {
    const records = aTrail();
    const { previous, hash: _, ...body } = records[3] as AuditRecord;
    records[3] = sealRecord({ ...body, author: 'mallory' }, previous);
    expect(verdictOf(records)).toMatchObject({
      ok: false,
      sequence: 5,
      reason: expect.stringMatching(/record before it/),
    });
  });

  it('that was written anew to its end shows against a head that was noted elsewhere', () => {
    const noted = { sequence: 6, hash: aTrail()[5]?.hash ?? '' };
    const forged: AuditRecord[] = [];
    for (const { previous: _p, hash: _h, ...body } of aTrail())
      forged.push(sealRecord({ ...body, author: 'mallory' }, forged.at(-1)?.hash ?? GENESIS));
    const head = { sequence: 10, hash: forged[9]?.hash ?? '' };
    expect(verdictOf(forged, { head })).toMatchObject({ ok: true });
    expect(verdictOf(forged, { head, known: noted })).toMatchObject({
      ok: false,
      sequence: 6,
      reason: expect.stringMatching(/written anew/),
    });
    expect(verdictOf(aTrail(), { known: noted })).toMatchObject({ ok: true });
    const short = { sequence: 4, hash: aTrail()[3]?.hash ?? '' };
    const documents = [{ ...CHAT, found: sha256('text 4') }];
    expect(verdictOf(aTrail().slice(0, 4), { head: short, known: noted, documents })).toMatchObject({
      ok: false,
      sequence: 5,
    });
  });

  it('does not let history or documents say something else than was audited', () => {
    const version = (revision: number): string => sha256(revision === 7 ? 'forged' : `text ${revision}`);
    expect(verdictOf(aTrail(), { version })).toMatchObject({
      ok: false,
      sequence: 7,
      reason: expect.stringMatching(/another content/),
    });
    const forged = [{ ...CHAT, found: sha256('forged') }];
    expect(verdictOf(aTrail(), { documents: forged })).toMatchObject({
      ok: false,
      sequence: 10,
      reason: expect.stringMatching(/another content/),
    });
    expect(verdictOf(aTrail(), { documents: [] })).toMatchObject({
      ok: false,
      sequence: 10,
      reason: expect.stringMatching(/is missing/),
    });
    const unknown = [{ kind: 'ModelService', name: 'new', found: sha256('x') }];
    expect(verdictOf(aTrail(), { documents: unknown })).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/no record tells/),
    });
  });

  it('leaves out what is no longer kept, and counts what was damaged', () => {
    const version = (revision: number) =>
      revision < 5 ? 'Gone' : revision === 5 ? 'Lost' : sha256(`text ${revision}`);
    const documents = [{ ...CHAT, found: 'Lost' as const }];
    expect(verdictOf(aTrail(), { version, documents })).toMatchObject({ ok: true, contents: 5, lost: 2 });
  });
});

describe('canonical JSON', () => {
  it('has one text for one value, whatever the order of its keys', () => {
    expect(canonicalJson({ b: [1, 'ü', null], a: { d: true, c: undefined } })).toBe(
      '{"a":{"d":true},"b":[1,"ü",null]}',
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        const turned = Object.fromEntries(Object.entries(record).reverse());
        const text = canonicalJson(record as never);
        expect(canonicalJson(turned as never)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(record)));
      }),
    );
  });
});
