import type { z } from 'zod';
import type { SdsFile, Upstream, UpstreamTls } from '../upstream.ts';
import { mapping, matching, nonEmptyList, oneOf, refuse } from './shape.ts';
import { exactlyOneOf, SPELLINGS } from './spelling.ts';
import { dnsName, sidecarFile, subjectAltName } from './words.ts';

const sds: z.ZodType<SdsFile> = mapping({
  path: sidecarFile(),
  name: matching(/^[!-~]{1,253}$/, 'the name of the secret in that file'),
});

const trustedCa: z.ZodType<UpstreamTls['trustedCa']> = mapping({
  filename: sidecarFile().exactOptional(),
  sds: sds.exactOptional(),
})
  .superRefine((value, context) => {
    const given = Object.keys(value);
    if (given.length === 0) refuse(context, [], 'filename or sds');
    else if (given.length > 1) refuse(context, [given[1] as string], 'either filename or sds, not both');
  })
  .register(SPELLINGS, exactlyOneOf('filename', 'sds'))
  .transform((value) => (value.sds === undefined ? { filename: value.filename ?? '' } : { sds: value.sds }));

const clientCertificate: z.ZodType<NonNullable<UpstreamTls['clientCertificate']>> = mapping({
  certificateChain: sidecarFile().exactOptional(),
  privateKey: sidecarFile().exactOptional(),
  sds: sds.exactOptional(),
})
  .superRefine((value, context) => {
    const files = value.certificateChain !== undefined || value.privateKey !== undefined;
    if (files && value.sds !== undefined) refuse(context, ['sds'], 'either two files or sds, not both');
    else if (!files && value.sds === undefined) refuse(context, [], 'certificateChain and privateKey, or sds');
    else if (files && value.certificateChain === undefined) refuse(context, ['certificateChain'], 'the file beside it');
    else if (files && value.privateKey === undefined) refuse(context, ['privateKey'], 'the file beside it');
  })
  .register(SPELLINGS, { dependencies: { certificateChain: ['privateKey'], privateKey: ['certificateChain'] } })
  .transform(({ certificateChain = '', privateKey = '', sds: secret }) =>
    secret === undefined ? { certificateChain, privateKey } : { sds: secret },
  );

export const upstreamTls: z.ZodType<UpstreamTls> = mapping({
  sni: dnsName().exactOptional(),
  subjectAltNames: nonEmptyList(subjectAltName(), 'a list of at least one name').exactOptional(),
  trustedCa,
  clientCertificate: clientCertificate.exactOptional(),
})
  .superRefine(({ sni, subjectAltNames }, context) => {
    if (sni !== undefined || subjectAltNames !== undefined) return;
    // Any server with a certificate of that authority would pass for this one.
    refuse(context, ['subjectAltNames'], 'names that the certificate has one of, because there is no sni');
  })
  .transform(({ sni, subjectAltNames, ...rest }) => ({
    ...(sni === undefined ? {} : { sni }),
    subjectAltNames: subjectAltNames ?? (sni === undefined ? [] : [sni]),
    ...rest,
  }));

export const upstream: z.ZodType<Upstream> = mapping({
  protocol: oneOf(['Http1', 'Http2', 'Auto']).default('Http1'),
  tls: upstreamTls.exactOptional(),
}).prefault({});
