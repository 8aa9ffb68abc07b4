export {
  begun,
  cancelled,
  EMPTY_BOOK,
  earlier,
  type FinishedOperation,
  lapse,
  type OperationBook,
  restoredBook,
} from './book.ts';
export { freezeOf, operated } from './operated.ts';
export { inForce, OPERATION_KINDS, type Operation, type OperationKind, targetOf } from './operation.ts';
export { type OperationFacts, planOperation } from './plan-operation.ts';
export { asksFor, type OperationRequest } from './request.ts';
export { isDrain, takenOut, takesOut, withTakenOut } from './taken-out.ts';
export { effectWords, timeText } from './words.ts';
