import protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../../errors.ts';
import type { Fields } from '../decode-message.ts';
import { findType, nestedType, protoName } from '../schema.ts';
import { ANY, MAP, REPEATED } from './container-checks.ts';
import type { RuleOptions } from './rule-options.ts';
import { decodeRules, type RuleTree } from './rule-tree.ts';
import {
  BOOL,
  BYTES,
  type Check,
  checksOf,
  DURATION,
  ENUM,
  MESSAGE,
  NUMBER,
  STRING,
  TIMESTAMP,
} from './value-checks.ts';

/** Where a walk through a message stands and what it found. */
export type Walk = { readonly path: string[]; depth: number; report(rule: string, message: string): void };

type ValueCheck = (value: unknown, walk: Walk) => void;
type MessageCheck = (message: Fields, walk: Walk) => void;

const MAX_DEPTH = 100;
const NUMERIC = /^(float|double|[us]?int(32|64)|s?fixed(32|64))$/;
const WRAPPER = /^\.google\.protobuf\.\w+Value$/;

/**
 * Turns the rules of message types into closures, each type once and on first use: a tick checks a thousand endpoints,
 * and looking rules up per value would be most of the work.
 */
export class RuleCompiler {
  readonly #rules = new Map<string, RuleTree>();
  readonly #requiredOneofs: ReadonlySet<string>;
  readonly #compiled = new Map<protobuf.Type, MessageCheck>();

  /** Reads and compiles every rule of the set, so that an unknown kind shows at start-up. */
  constructor(root: protobuf.Root, options: RuleOptions) {
    this.#requiredOneofs = options.requiredOneofs;
    for (const [field, bytes] of options.fields) this.#rules.set(field, decodeRules(bytes, field));
    // Only now: compiling a type compiles the types that it contains.
    for (const field of options.fields.keys()) {
      this.checkOf(root.lookupType(field.slice(0, field.lastIndexOf('.'))));
    }
  }

  /** Number of fields that have rules. */
  get fieldCount(): number {
    return this.#rules.size;
  }

  checkOf(type: protobuf.Type): MessageCheck {
    const known = this.#compiled.get(type);
    if (known !== undefined) return known;
    // Registered before its body exists, because message types refer to themselves.
    let body: MessageCheck | undefined;
    const checkMessage: MessageCheck = (message, walk) => {
      if (walk.depth >= MAX_DEPTH) {
        walk.report('depth', `nested deeper than ${MAX_DEPTH} levels`);
        return;
      }
      walk.depth += 1;
      body?.(message, walk);
      walk.depth -= 1;
    };
    this.#compiled.set(type, checkMessage);
    body = this.#compileType(type);
    return checkMessage;
  }

  #compileType(type: protobuf.Type): MessageCheck {
    if (type.fullName === '.google.protobuf.Any') return (message, walk) => this.#checkAny(message, walk);
    const fields: MessageCheck[] = [];
    for (const field of type.fieldsArray) {
      const check = this.#compileField(type, field.resolve());
      if (check !== undefined) fields.push(check);
    }
    for (const oneof of type.oneofsArray) {
      if (!this.#requiredOneofs.has(`${type.fullName.slice(1)}.${oneof.name}`)) continue;
      const members = oneof.fieldsArray.map(({ name }) => name);
      fields.push((message, walk) => {
        if (!members.some((name) => isPresent(message, name))) at(walk, oneof.name, 'oneof.required', 'is required');
      });
    }
    return (message, walk) => {
      for (const check of fields) check(message, walk);
    };
  }

  #compileField(type: protobuf.Type, field: protobuf.Field): MessageCheck | undefined {
    const where = `${type.fullName.slice(1)}.${protoName(field)}`;
    const rules = this.#rules.get(where) ?? {};
    const check = this.#compileContainer(field, rules, where);
    const name = protoName(field);
    // A member of a oneof may always be absent: another member is set, or the oneof is required as a whole.
    const mustExist = field.partOf === null || field.partOf.isProto3Optional ? isRequired(rules) : undefined;
    if (check === undefined && mustExist === undefined) return undefined;
    const always = field.repeated || field.map || !hasPresence(field);
    return (message, walk) => {
      if (always || isPresent(message, field.name)) {
        walk.path.push(`.${name}`);
        check?.(message[field.name], walk);
        walk.path.pop();
      } else if (mustExist !== undefined) at(walk, name, `${mustExist}.required`, 'value is required');
    };
  }

  #compileContainer(field: protobuf.Field, rules: RuleTree, where: string): ValueCheck | undefined {
    if (field.map) return this.#compileMap(field, ruleSet(rules, 'map', where), where);
    if (field.repeated) return this.#compileRepeated(field, ruleSet(rules, 'repeated', where), where);
    return this.#compileValue(field, rules, where);
  }

  #compileRepeated(field: protobuf.Field, rules: RuleTree, where: string): ValueCheck | undefined {
    const checks = checksOf<readonly unknown[]>(REPEATED, 'repeated', rules, where);
    const item = this.#compileValue(field, (rules.items ?? {}) as RuleTree, where);
    if (item === undefined && checks.length === 0) return undefined;
    return (value, walk) => {
      const list = value as readonly unknown[];
      if (list.length === 0 && rules.ignore_empty === true) return;
      apply(checks, list, walk);
      if (item === undefined) return;
      for (let index = 0; index < list.length; index += 1) {
        walk.path.push(`[${index}]`);
        item(list[index], walk);
        walk.path.pop();
      }
    };
  }

  #compileMap(field: protobuf.Field, rules: RuleTree, where: string): ValueCheck | undefined {
    const checks = checksOf<readonly unknown[]>(MAP, 'map', rules, where);
    const keyRules = (rules.keys ?? {}) as RuleTree;
    const { keyType } = field as unknown as protobuf.MapField;
    const key = scalarCheck(keyType, ruleSet(keyRules, keyType, where), where);
    const value = this.#compileValue(field, (rules.values ?? {}) as RuleTree, where);
    if (checks.length === 0 && key === undefined && value === undefined) return undefined;
    return (map, walk) => {
      const entries = Object.entries((map ?? {}) as Fields);
      if (entries.length === 0 && rules.ignore_empty === true) return;
      apply(checks, entries, walk);
      for (const [name, element] of entries) {
        walk.path.push(`[${JSON.stringify(name)}]`);
        key?.(keyType === 'string' ? name : Number(name), walk);
        value?.(element, walk);
        walk.path.pop();
      }
    };
  }

  #compileValue(field: protobuf.Field, rules: RuleTree, where: string): ValueCheck | undefined {
    const inner = nestedType(field);
    if (inner !== undefined) return this.#compileMessage(inner, rules, where);
    if (field.resolvedType instanceof protobuf.Enum) {
      const { valuesById } = field.resolvedType;
      const defined: Check<number> = {
        rule: '',
        message: 'value must be one of the defined enum values',
        holds: (value) => valuesById[value] !== undefined,
      };
      const kind = { ...ENUM, defined_only: (only: unknown) => (only === true ? defined : undefined) };
      return all(checksOf(kind, 'enum', ruleSet(rules, 'enum', where), where), false);
    }
    return scalarCheck(field.type, ruleSet(rules, field.type, where), where);
  }

  #compileMessage(type: protobuf.Type, rules: RuleTree, where: string): ValueCheck | undefined {
    const { message = {}, ...rest } = rules;
    checksOf(MESSAGE, 'message', message as RuleTree, where);
    if (WRAPPER.test(type.fullName) && type.fields.value !== undefined) {
      const value = type.fields.value.resolve();
      const check = scalarCheck(value.type, ruleSet(rest, value.type, where), where);
      return check && ((wrapper, walk) => check((wrapper as { value: unknown }).value, walk));
    }
    switch (type.fullName) {
      case '.google.protobuf.Duration':
        return all(checksOf(DURATION, 'duration', ruleSet(rest, 'duration', where), where), false);
      case '.google.protobuf.Timestamp':
        return all(checksOf(TIMESTAMP, 'timestamp', ruleSet(rest, 'timestamp', where), where), false);
      case '.google.protobuf.Any': {
        const own = all(checksOf(ANY, 'any', ruleSet(rest, 'any', where), where), false);
        const content = this.checkOf(type);
        return (value, walk) => {
          own?.(value, walk);
          content(value as Fields, walk);
        };
      }
    }
    // Envoy's ExtensionConfigSource.config_source is no Any and has `any.required`, which works as for any message.
    const { any = {}, ...others } = rest;
    checksOf(MESSAGE, 'any', any as RuleTree, where);
    ruleSet(others, '', where);
    // Struct, Value and the rest of google.* carry no rules, and Struct may be large.
    if ((message as RuleTree).skip === true || type.fullName.startsWith('.google.')) return undefined;
    const nested = this.checkOf(type);
    return (value, walk) => nested(value as Fields, walk);
  }

  // protoc-gen-validate stops at an Any; Envoy checks the content when it unpacks it.
  #checkAny(any: Fields, walk: Walk): void {
    const type = findType((any.typeUrl as string | undefined) ?? '');
    if (type === undefined) return;
    let content: Fields;
    try {
      content = type.decode((any.value as Uint8Array | undefined) ?? new Uint8Array()) as unknown as Fields;
    } catch (error) {
      walk.report('any', `value is not a ${type.fullName.slice(1)}: ${(error as Error).message}`);
      return;
    }
    this.checkOf(type)(content, walk);
  }
}

function scalarCheck(type: string, rules: RuleTree, where: string): ValueCheck | undefined {
  const ignoreEmpty = rules.ignore_empty === true;
  if (type === 'string') return all(checksOf(STRING, type, rules, where), ignoreEmpty);
  if (type === 'bytes') return all(checksOf(BYTES, type, rules, where), ignoreEmpty);
  if (type === 'bool') return all(checksOf(BOOL, type, rules, where), false);
  if (!NUMERIC.test(type)) throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where}: rules on a ${type}`);
  const check = all(checksOf(NUMBER, type, rules, where), ignoreEmpty);
  return check && ((value, walk) => check(Number(value), walk));
}

/** The one set of rules that fits the field's type; any other set is one that would be skipped silently. */
function ruleSet(rules: RuleTree, name: string, where: string): RuleTree {
  for (const kind of Object.keys(rules)) {
    if (kind !== name && kind !== 'message') {
      throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where}: ${kind} rules on a ${name || 'message'}`);
    }
  }
  return (rules[name] ?? {}) as RuleTree;
}

function isRequired(rules: RuleTree): string | undefined {
  return ['message', 'duration', 'timestamp', 'any'].find((kind) => (rules[kind] as RuleTree | undefined)?.required);
}

function all<T>(checks: readonly Check<T>[], ignoreEmpty: boolean): ValueCheck | undefined {
  if (checks.length === 0) return undefined;
  return (value, walk) => {
    if (ignoreEmpty && (value === 0 || (value as { length?: number }).length === 0)) return;
    apply(checks, value as T, walk);
  };
}

function apply<T>(checks: readonly Check<T>[], value: T, walk: Walk): void {
  for (const check of checks) if (!check.holds(value)) walk.report(check.rule, check.message);
}

function at(walk: Walk, name: string, rule: string, message: string): void {
  walk.path.push(`.${name}`);
  walk.report(rule, message);
  walk.path.pop();
}

/** protobufjs's own `hasPresence` leaves out messages of proto3. */
function hasPresence(field: protobuf.Field): boolean {
  return field.hasPresence || field.partOf !== null || nestedType(field) !== undefined;
}

function isPresent(message: Fields, name: string): boolean {
  return Object.hasOwn(message, name) && message[name] !== null && message[name] !== undefined;
}
