// The reference of the gRPC API, from the proto files and their comments, with the action that each method needs.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import protobuf from 'protobufjs';
import { METHODS, rolesWith } from '../src/core/access/index.ts';

const PROTO = resolve(import.meta.dirname, '../proto');
const FOLDERS = ['loadline/admin/v1', 'loadline/signals/v1'];

type Named = { readonly name: string; readonly comment: string | null };

/** Markdown without its head: a section for each proto file, with its services, messages and enums in their order. */
export function apiPage(): string {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(PROTO, folder))
      .filter((name) => name.endsWith('.proto'))
      .sort()
      .map((name) => join(folder, name)),
  );
  return `# The gRPC API

\`loadline serve\` serves it on its admin address (\`--admin\`); the commands are its clients. The files are in
[\`proto/\`](../../proto/loadline/admin/v1/), and what they say of each method and field is repeated here. Who may call a method:
[roles](roles.md).

A refusal is a gRPC status with words for a person. Refusals over policies carry a \`google.rpc.Status\` with details in the trailer
\`grpc-status-details-bin\`: \`google.rpc.BadRequest\` for any client, and \`Issues\` or \`Conflict\` of \`loadline.admin.v1\`. What does not
fit in a trailer of 8 KiB is left out, texts first. A request has at most 64 KiB, one that holds policies 4 MiB.

${files.map(fileSection).join('\n')}`;
}

function fileSection(path: string): string {
  const text = readFileSync(join(PROTO, path), 'utf8');
  const { root, package: name = '' } = protobuf.parse(text, { keepCase: true, alternateCommentMode: true });
  const space = root.lookup(name) as protobuf.Namespace;
  const head = /^((?:\/\/.*\n)+)syntax/.exec(text)?.[1] ?? '';
  const words = head.replaceAll(/^\/\/ ?/gm, '').trim();
  const parts = space.nestedArray.flatMap((one): readonly string[] => {
    if (one instanceof protobuf.Service) return [serviceSection(name, one)];
    if (one instanceof protobuf.Type) return [messageSection(one)];
    return one instanceof protobuf.Enum ? [enumSection(one)] : [];
  });
  return `## ${path}\n\nPackage \`${name}\`. ${words}\n\n${parts.join('\n')}`;
}

function serviceSection(space: string, service: protobuf.Service): string {
  const methods = service.methodsArray.map((method) => {
    const { action } = METHODS[`${space}.${service.name}/${method.name}`] ?? { action: undefined };
    if (action === undefined) throw new Error(`no role is said to be needed for ${service.name}/${method.name}`);
    const stream = (on: boolean | undefined, type: string): string => `${on === true ? 'stream ' : ''}\`${type}\``;
    const shape = `${stream(method.requestStream, method.requestType)} → ${stream(method.responseStream, method.responseType)}`;
    return `| \`${method.name}\` | ${shape} | \`${action}\` (${rolesWith(action)[0]}) | ${commentOf(method)} |`;
  });
  return `### Service ${service.name}\n\n${intro(service)}| method | takes → gives | action (least role) | |\n|---|---|---|---|\n${methods.join('\n')}\n`;
}

function messageSection(type: protobuf.Type): string {
  const rows = type.fieldsArray.map((field) => {
    const repeated = field.repeated ? 'repeated ' : '';
    const optional = (field.options?.proto3_optional as boolean | undefined) === true ? 'optional ' : '';
    const kind = field instanceof protobuf.MapField ? `map<${field.keyType}, ${field.type}>` : field.type;
    const choice =
      field.partOf === null || optional !== ''
        ? ''
        : `one of \`${field.partOf.name}\`${field.comment === null ? '' : '. '}`;
    return `| \`${field.name}\` | ${field.id} | ${repeated}${optional}\`${kind}\` | ${choice}${commentOf(field)} |`;
  });
  const table =
    rows.length === 0 ? 'No fields.\n' : `| field | number | type | |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  const inner = type.nestedArray.flatMap((one): readonly string[] => {
    if (one instanceof protobuf.Type) return [messageSection(one)];
    return one instanceof protobuf.Enum ? [enumSection(one)] : [];
  });
  return `### ${type.name}\n\n${intro(type)}${table}${inner.map((one) => `\n${one}`).join('')}`;
}

function enumSection(type: protobuf.Enum): string {
  const rows = Object.entries(type.values).map(
    ([name, value]) => `| \`${name}\` | ${value} | ${cell(type.comments[name] ?? '')} |`,
  );
  return `### ${type.name}\n\n${intro(type)}| value | number | |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function intro(one: Named): string {
  const words = commentOf(one);
  return words === '' ? '' : `${words}\n\n`;
}

function commentOf({ comment }: Named): string {
  return cell(comment ?? '');
}

/** One line; what would be taken for HTML or end a cell is no longer that. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
