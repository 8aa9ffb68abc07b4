import type { Fields } from '../decode-message.ts';
import { messageType, schema } from '../schema.ts';
import { readable } from '../wire.ts';
import { RuleCompiler, type Walk } from './compile.ts';
import { readRuleOptions } from './rule-options.ts';

/** One broken rule: `endpoints[0].lb_endpoints[2].load_balancing_weight`, `uint32.gte`, and Envoy's words for it. */
export type RuleViolation = { readonly path: string; readonly rule: string; readonly message: string };

let compiler: RuleCompiler | undefined;

/**
 * Checks a message against the protoc-gen-validate rules of Envoy's API, also inside repeated fields, maps and the
 * content of every Any whose type is known. Envoy refuses the whole response when one rule of one resource is broken.
 * Throws LOADLINE_CODEC_UNKNOWN_TYPE, LOADLINE_CODEC_UNREADABLE, and on the first call LOADLINE_CODEC_UNKNOWN_RULE if
 * the descriptor set has a rule that this room does not know.
 */
export function checkRules(typeName: string, bytes: Uint8Array): readonly RuleViolation[] {
  const type = messageType(typeName);
  const message = readable(type.name, () => type.decode(bytes) as unknown as Fields);
  const violations: RuleViolation[] = [];
  const walk: Walk = {
    path: [],
    depth: 0,
    report: (rule, text) => violations.push({ path: walk.path.join('').replace(/^\./, ''), rule, message: text }),
  };
  loadRules().checkOf(type)(message, walk);
  return violations;
}

/** Reads all rules now; a server calls it at start-up. Returns the number of fields that have rules. */
export function loadRules(): RuleCompiler {
  if (compiler === undefined) {
    const { root, descriptor } = schema();
    compiler = new RuleCompiler(root, readRuleOptions(descriptor));
  }
  return compiler;
}
