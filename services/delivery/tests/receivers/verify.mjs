// Lets both libraries verify each case on standard input, [{secret, headers, body}]; says what each found.
import { readFileSync } from "node:fs";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

const judge = (Library, { secret, headers, body }) => {
  try {
    new Library(secret).verify(body, headers);
    return "verified";
  } catch {
    return "refused";
  }
};
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((one) => [judge(Standard, one), judge(Svix, one)])));
