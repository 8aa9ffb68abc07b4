import type { EndpointId } from './endpoint.ts';

/** What came of a prompt of Loadline's own. Nothing of the answer's text is kept. */
export type PromptResult =
  /** With a 2xx status; `firstByteSec`: until its first byte, which an engine has with its first token. */
  | { readonly kind: 'Answered'; readonly firstByteSec: number }
  | { readonly kind: 'Status'; readonly status: number }
  | { readonly kind: 'TimedOut'; readonly afterSec: number }
  /** No answer, or none that is HTTP; `why` in words for a person. */
  | { readonly kind: 'Failed'; readonly why: string }
  /** It did not go out: this says nothing about the server. */
  | { readonly kind: 'Unsent'; readonly why: string };

export type PromptAnswer = { readonly endpoint: EndpointId; readonly result: PromptResult };
