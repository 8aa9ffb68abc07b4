export type ErrorCode =
  | 'LOADLINE_CODEC_DESCRIPTOR'
  | 'LOADLINE_CODEC_UNKNOWN_TYPE'
  | 'LOADLINE_CODEC_INVALID_MESSAGE'
  | 'LOADLINE_CODEC_UNREADABLE'
  | 'LOADLINE_CODEC_UNKNOWN_RULE'
  | 'LOADLINE_RUNTIME_KEY'
  | 'LOADLINE_ENVOY_NOT_FOUND'
  | 'LOADLINE_ENVOY_FAILED'
  | 'LOADLINE_CONFIG'
  | 'LOADLINE_POLICY_UNUSABLE'
  | 'LOADLINE_STORE'
  | 'LOADLINE_BIND'
  | 'LOADLINE_ADMIN'
  | 'LOADLINE_LAB';

/**
 * Every error that Loadline throws, in one catalogue. Bad input is not here: it is returned as a value (`Result`).
 * What is here means a broken promise of the code or of the machine. `docs/reference/errors.md` is generated from it.
 */
export const ERRORS: Readonly<Record<ErrorCode, string>> = {
  LOADLINE_CODEC_DESCRIPTOR: 'The committed Envoy descriptor set cannot be read or has an unexpected hash.',
  LOADLINE_CODEC_UNKNOWN_TYPE: 'A message type is not in the descriptor set.',
  LOADLINE_CODEC_INVALID_MESSAGE: 'A message that Loadline built does not fit its protobuf type.',
  LOADLINE_CODEC_UNREADABLE: 'Bytes from outside are not the protobuf message that they should be.',
  LOADLINE_CODEC_UNKNOWN_RULE:
    'The descriptor set has a protoc-gen-validate rule kind that the interpreter does not know.',
  LOADLINE_RUNTIME_KEY: 'A runtime key is unknown, in the wrong layer, or has a value out of its range.',
  LOADLINE_ENVOY_NOT_FOUND: 'No Envoy binary was found and none could be installed.',
  LOADLINE_ENVOY_FAILED: 'An Envoy process ended or refused its configuration.',
  LOADLINE_CONFIG: 'The server configuration (flags or file) is not usable.',
  LOADLINE_POLICY_UNUSABLE: 'There is no policy to serve: the files are bad and no last good version is stored.',
  LOADLINE_STORE: 'The data directory cannot be read or written.',
  LOADLINE_BIND: 'An address cannot be listened on.',
  LOADLINE_ADMIN: 'The admin API cannot be reached, or could not answer.',
  LOADLINE_LAB: 'The lab (model servers, traffic, demo) could not be set up.',
};

/** The one error class: a code from the catalogue, a message for a person, and the cause where there is one. */
export class LoadlineError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LoadlineError';
    this.code = code;
  }
}
