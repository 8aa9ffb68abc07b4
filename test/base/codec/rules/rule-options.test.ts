import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../../../src/base/codec/index.ts';
import { RuleCompiler } from '../../../../src/base/codec/rules/compile.ts';
import { readRuleOptions } from '../../../../src/base/codec/rules/rule-options.ts';
import { decodeRules } from '../../../../src/base/codec/rules/rule-tree.ts';
import { schema } from '../../../../src/base/codec/schema.ts';

const unknown = expect.objectContaining({ code: 'LOADLINE_CODEC_UNKNOWN_RULE' });
const rules = (json: Parameters<typeof encodeMessage>[1]): Uint8Array => encodeMessage('validate.FieldRules', json);

/** A compiler that finds one rule in the descriptor set, at a field of its own choice. */
const compilerWith = (field: string, bytes: Uint8Array): RuleCompiler =>
  new RuleCompiler(schema().root, { fields: new Map([[field, bytes]]), requiredOneofs: new Set() });

describe('the rules of the committed descriptor set', () => {
  const options = readRuleOptions(schema().descriptor);

  it('are found on fields and on oneofs', () => {
    expect(options.fields.size).toBeGreaterThan(500);
    expect(options.requiredOneofs.size).toBeGreaterThan(70);
    expect(options.requiredOneofs).toContain('envoy.config.core.v3.Address.address');
    expect(
      decodeRules(options.fields.get('envoy.config.endpoint.v3.LbEndpoint.load_balancing_weight') as Uint8Array, ''),
    ).toEqual({ uint32: { gte: 1 } });
    expect(
      decodeRules(options.fields.get('envoy.config.bootstrap.v3.Bootstrap.stats_flush_interval') as Uint8Array, ''),
    ).toEqual({ duration: { gte: 0.001, lt: 300 } });
  });
});

describe('a descriptor set from the future', () => {
  it('is refused when it has a rule that validate.proto does not define', () => {
    // Field 90 of FieldRules, a string rule (14) with field 90.
    expect(() => decodeRules(Buffer.from('d20500', 'hex'), 'a.B.c')).toThrow(unknown);
    expect(() => decodeRules(Buffer.from('7203d00501', 'hex'), 'a.B.c')).toThrow(unknown);
  });

  it('is refused when it has a rule that the interpreter does not know', () => {
    const name = 'envoy.config.cluster.v3.Cluster.name';
    expect(() => compilerWith(name, rules({ string: { min_len: 1 } }))).not.toThrow();
    expect(() => compilerWith(name, rules({ string: { hostname: true } }))).toThrow(unknown);
    expect(() => compilerWith(name, rules({ uint32: { lte: 1 } }))).toThrow(unknown);
    expect(() =>
      compilerWith(
        'envoy.config.core.v3.Node.client_features',
        rules({ repeated: { items: { string: { email: true } } } }),
      ),
    ).toThrow(unknown);
  });

  it('is refused when it switches the rules of a message off', () => {
    const nest = (tag: string, content: string): string =>
      tag + (content.length / 2).toString(16).padStart(2, '0') + content;
    // FileDescriptorSet { file { package "p" message_type { name "M" options { [validate.disabled] true } } } }
    const set = (options: string): Buffer =>
      Buffer.from(nest('0a', `120170${nest('22', `0a014d${nest('3a', options)}`)}`), 'hex');
    expect(() => readRuleOptions(set('f84201'))).toThrow(unknown);
    expect(() => readRuleOptions(set('f84200'))).not.toThrow();
  });
});
