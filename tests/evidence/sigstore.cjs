// node sigstore.cjs NODE_MODULES BUNDLE PUBLIC_KEY: exit 0 if Sigstore's own verifier accepts it.
const crypto = require("crypto");
const fs = require("fs");

const [, , packages, bundle, key] = process.argv;
const { bundleFromJSON } = require(packages + "/@sigstore/bundle");
const { Verifier, toSignedEntity } = require(packages + "/@sigstore/verify");

const publicKey = crypto.createPublicKey(fs.readFileSync(key));
const trust = {
  certificateAuthorities: [],
  timestampAuthorities: [],
  tlogs: [],
  ctlogs: [],
  publicKey: () => ({ publicKey, validFor: () => true }),
};
// A key of one's own: there is no certificate, so no log and no timestamp is asked for.
const none = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
new Verifier(trust, none).verify(toSignedEntity(bundleFromJSON(JSON.parse(fs.readFileSync(bundle, "utf8")))));
