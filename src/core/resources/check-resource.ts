import { checkRules, type RuleViolation } from '../../base/codec/index.ts';
import type { Resource } from './resource.ts';

/**
 * Envoy's own validation rules, before sending: one violation makes Envoy refuse the whole response, valid resources
 * included, with a text that may be cut before the reason.
 */
export function checkResource(resource: Resource): readonly RuleViolation[] {
  return checkRules(resource.typeUrl, resource.bytes);
}
