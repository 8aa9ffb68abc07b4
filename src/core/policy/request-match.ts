/** Which requests to its host names a service takes; all of what is there must be so. */
export type RequestMatch = PathMatch & {
  /** In the order of the document; each name once. */
  readonly headers?: readonly HeaderMatch[];
  /** One of them stands as `model` in the JSON body of the request. */
  readonly models?: readonly string[];
};

export type PathMatch =
  | { readonly pathPrefix: string }
  /** The whole path, without the query. */
  | { readonly path: string };

export type HeaderMatch = { readonly name: string; readonly exact: string };
