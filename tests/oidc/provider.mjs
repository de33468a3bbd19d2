// An OpenID provider for tests: node provider.mjs PORT
//
// Prints one line of JSON, {"issuer": ...}, when it listens on 127.0.0.1, and ends when its standard
// input does. /control is for the tests alone; they reach it with POST.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const AUDIENCE = 'https://oet.test';
const PAGE = '/ska-oso-oet/oet/1/api/v1/ui';
const SCOPES = 'oet:read oet:execute';
const USERS = {
  alice: { name: 'Alice Archer', roles: ['SW_ENGINEER'] },
  bob: { name: 'Bob Baker', roles: [] },
  mallory: { name: 'Mallory Miller', roles: ['LOW_TELESCOPE_OPERATOR'] },
};

let accessTokenTTL = 300;
const issued = new Map(); // access token -> claims
const withdrawn = new Set();

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomUUID() };
}

function configuration(keys) {
  return {
    clients: [
      {
        client_id: 'oet-cli',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        // Of a native client: on any port.
        redirect_uris: ['http://127.0.0.1/callback', `http://127.0.0.1${PAGE}/oauth2-redirect.html`],
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
      },
      {
        client_id: 'oet-svc',
        client_secret: 's3cret+of/the service',
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        scope: SCOPES,
      },
    ],
    jwks: { keys },
    cookies: { keys: ['only for tests'] },
    clientBasedCORS: () => true, // the page asks for its tokens itself
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'offline_access', ...SCOPES.split(' ')],
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false, // the name is in the ID token: there is no userinfo for our tokens
    rotateRefreshToken: true,
    async findAccount(ctx, id) {
      return USERS[id] && { accountId: id, claims: async () => ({ sub: id, name: USERS[id].name }) };
    },
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true, // the page names it once, when it asks for the code
        getResourceServerInfo: (ctx, resource) => {
          if (resource !== AUDIENCE) throw new Error(`unknown resource ${resource}`);
          return {
            scope: SCOPES,
            audience: AUDIENCE,
            accessTokenFormat: 'jwt',
            accessTokenTTL,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
      },
    },
    extraTokenClaims: (ctx, token) => {
      const user = USERS[token.accountId];
      return user && { name: user.name, roles: user.roles };
    },
    ttl: {
      AuthorizationCode: 60, DeviceCode: 600, Grant: 3600, IdToken: 300, Interaction: 600, RefreshToken: 3600, Session: 3600,
    },
  };
}

let issuer;
let handle;
let keys = [newKey()];

function serve() {
  const provider = new Provider(issuer, configuration(keys));
  provider.on('grant.success', (ctx) => {
    const token = ctx.body.access_token;
    issued.set(token, JSON.parse(Buffer.from(token.split('.')[1], 'base64url')));
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  handle = provider.callback();
}

const controls = {
  async 'rotate-keys'({ keep }) {
    keys = [newKey(), ...(keep ? keys : [])];
    serve(); // what was granted is kept: the storage is of the module
    return {};
  },
  async settings(asked) {
    accessTokenTTL = asked.access_token_ttl;
    return {};
  },
  async withdraw() {
    [...issued.keys()].forEach((token) => withdrawn.add(token));
    return {};
  },
  async claims({ token }) {
    const claims = issued.get(token);
    const holds = claims && !withdrawn.has(token) && claims.exp > Date.now() / 1000;
    return { claims: holds ? claims : null };
  },
};

const server = createServer(async (request, response) => {
  const [, first, name] = request.url.split('/');
  if (first !== 'control') {
    handle(request, response);
    return;
  }
  const body = await text(request);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(await controls[name](JSON.parse(body))));
});

async function text(request) {
  let found = '';
  for await (const piece of request) found += piece;
  return found;
}

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  serve();
  console.log(JSON.stringify({ issuer }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
