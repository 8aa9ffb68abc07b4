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
  | 'LOADLINE_RECORDING'
  | 'LOADLINE_BIND'
  | 'LOADLINE_ADMIN'
  | 'LOADLINE_TLS'
  | 'LOADLINE_CERTS'
  | 'LOADLINE_ACCESS'
  | 'LOADLINE_LAB';

export type ErrorDefinition = {
  /** What is wrong, in words for an operator. */
  readonly meaning: string;
  /** What she can do about it. */
  readonly remedy: string;
};

/**
 * Every error that Loadline throws, in one catalogue. Bad input is not here: it is returned as a value (`Result`).
 * What is here means a broken promise of the code or of the machine. `docs/reference/errors.md` is generated from it.
 */
export const ERRORS: Readonly<Record<ErrorCode, ErrorDefinition>> = {
  LOADLINE_CODEC_DESCRIPTOR: {
    meaning:
      "Envoy's message definitions (`proto/envoy/`) cannot be read, or are not the ones that this version was built with.",
    remedy: 'Install Loadline again; in a checkout, restore `proto/envoy/` from the repository.',
  },
  LOADLINE_CODEC_UNKNOWN_TYPE: {
    meaning: "A message type or a gRPC service is not in Envoy's message definitions.",
    remedy: 'Install Loadline again, so that code and `proto/` are of one version. When it stays, report it as a bug.',
  },
  LOADLINE_CODEC_INVALID_MESSAGE: {
    meaning: 'A message that Loadline built for Envoy does not fit its protobuf type.',
    remedy: 'Report it as a bug, with the message and the policy. Envoys keep what they have.',
  },
  LOADLINE_CODEC_UNREADABLE: {
    meaning: 'Bytes from outside are not the protobuf message that they should be.',
    remedy: 'See who connects to the xDS address: it is for Envoys of 1.36 or newer alone.',
  },
  LOADLINE_CODEC_UNKNOWN_RULE: {
    meaning: "Envoy's message definitions hold a validation rule that Loadline cannot check.",
    remedy: 'Install Loadline again, so that code and `proto/` are of one version. When it stays, report it as a bug.',
  },
  LOADLINE_RUNTIME_KEY: {
    meaning:
      'A runtime key that Loadline was about to send to Envoy is unknown, in the wrong layer, or out of its range.',
    remedy: 'Report it as a bug, with the message and the policy. The key was not sent.',
  },
  LOADLINE_ENVOY_NOT_FOUND: {
    meaning: 'No Envoy binary was found, and none could be installed. Only the tests and the demo need one.',
    remedy:
      'The message lists what was tried. Set `LOADLINE_ENVOY` to the path of an Envoy of 1.36 or newer, or put `envoy` on the PATH.',
  },
  LOADLINE_ENVOY_FAILED: {
    meaning: 'An Envoy process that Loadline started ended, did not answer, or refused its configuration.',
    remedy:
      "Read the end of Envoy's log in the message: it names the field that it refused, or the port that was taken.",
  },
  LOADLINE_CONFIG: {
    meaning: 'A flag, or a key of the file given with `--config`, is missing or has a value that cannot be used.',
    remedy: 'Correct the value that the message names; `loadline COMMAND --help` shows what is possible.',
  },
  LOADLINE_POLICY_UNUSABLE: {
    meaning:
      'There is no policy to work with: the files given with `--policies` cannot be read or are refused, and no last good policy is stored in the data directory.',
    remedy: 'Check the files with `loadline validate -f FILE`, which names each mistake with its line and column.',
  },
  LOADLINE_STORE: {
    meaning:
      'The data directory (`--data`) cannot be used, another server uses it, or a record of the store in it is damaged.',
    remedy:
      'Make sure that the user of the server may write there, that the disk is not full, and that each server has a directory of its own. What was acknowledged is kept; when the cause is gone, try again. The next start moves a damaged record aside and says which: apply that document again.',
  },
  LOADLINE_RECORDING: {
    meaning:
      'A recording of ticks (`loadline serve --record`) cannot be written, or cannot be read by `loadline replay`.',
    remedy:
      'The message names the file and, where one is wrong, the line and what was expected there. Choose a file in a directory where the user of the server may write; replay a recording with the version of Loadline that wrote it when this one does not know its format.',
  },
  LOADLINE_BIND: {
    meaning: 'An address cannot be listened on: most often another process, or another Loadline, has the port.',
    remedy:
      'End the other process, or choose another address with `--xds`, `--admin` or `--http`. Port 0 takes a free one.',
  },
  LOADLINE_ADMIN: {
    meaning: 'The server cannot be reached by a command, did not answer in time, or does not know what was asked for.',
    remedy:
      'Make sure that `loadline serve` runs, and that `--admin` names the address that it prints when it is ready.',
  },
  LOADLINE_TLS: {
    meaning:
      'The certificate, the key, the client authorities or the revocation list of `loadline serve` cannot be used when it starts.',
    remedy:
      'The message names the file and what is wrong with it: unreadable, not in PEM, a key of another certificate, or out of its time. Later on a bad file is only refused, and the server keeps what it has.',
  },
  LOADLINE_CERTS: {
    meaning: 'Certificates for development (`loadline certs dev`) were not written.',
    remedy:
      'Choose another folder with `--out`, or replace what is there with `--force`; what was issued before is then worthless.',
  },
  LOADLINE_ACCESS: {
    meaning: 'The access policy (`loadline serve --access`) cannot be used when the server starts.',
    remedy:
      'The message names each mistake with its line and column. Later on a bad file is only refused, and the access policy before it stays in force.',
  },
  LOADLINE_LAB: {
    meaning: 'The model servers, the traffic or the demo could not be set up, or a file for them is wrong.',
    remedy:
      'Correct what the message names: most often a port is taken (choose others with `--port` and `--control`), or a profile file has a mistake.',
  },
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
