export {
  begun,
  cancelled,
  EMPTY_BOOK,
  earlier,
  type FinishedOperation,
  lapse,
  lastCalls,
  type OperationBook,
  restoredBook,
  triedOut,
} from './book.ts';
export { type Interruption, interruptionAt, interruptionOf } from './interruption.ts';
export { endpointsOn, type Machine, machineText, type Notice, type Withdrawal } from './notice.ts';
export { freezeOf, operated } from './operated.ts';
export {
  inForce,
  isTried,
  OPERATION_KINDS,
  type Operation,
  type OperationKind,
  passesRatio,
  targetOf,
} from './operation.ts';
export { type OperationFacts, planOperation } from './plan-operation.ts';
export {
  checkDeadline,
  PLAIN_REASON,
  readAddress,
  readInstance,
  readInstanceAction,
  readNotice,
} from './read-notice.ts';
export { type OwnTaint, readTaintRule } from './read-taint-rule.ts';
export { asksFor, type OperationRequest, reasonOf } from './request.ts';
export { TAINT_RULES, type TaintRule, withOwnRules } from './taint-rules.ts';
export { departureBy, taintsOf } from './taints.ts';
export { isDrain, takenOut, takesOut, withTakenOut } from './taken-out.ts';
export { effectWords, timeText } from './words.ts';
