"""What schemathesis does not know of us: a refusal for its meaning (a cursor of another list, an address that is not ours to ask) is
no broken promise. Only a request that the document calls valid and our own validation calls invalid is one.
"""

import schemathesis
from schemathesis.checks import positive_data_acceptance

OUR_VALIDATION = "urn:depesha:problem:invalid-request"


@schemathesis.check
def valid_by_the_document_is_valid(ctx, response, case):
    if response.status_code == 413 or (response.status_code == 422 and _is_for_its_meaning(response.json())):
        return None
    return positive_data_acceptance(ctx, response, case)


def _is_for_its_meaning(problem):
    """Refused by one of our own rules, not by a type or a bound that the document could have named."""
    return problem["type"] != OUR_VALIDATION or all("Value error" in one["detail"] for one in problem["errors"])
