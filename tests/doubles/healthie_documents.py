"""The GraphQL documents that we send to Healthie, parsed from operations/."""

from pathlib import Path

from graphql import FragmentDefinitionNode, OperationDefinitionNode, concat_ast, parse

import integrations.healthie

HEALTHIE = Path(integrations.healthie.__file__).parent
FILES = sorted((HEALTHIE / "operations").glob("*.graphql"))
DOCUMENT = concat_ast([parse(path.read_text()) for path in FILES])
FRAGMENTS = {
    each.name.value: each for each in DOCUMENT.definitions if isinstance(each, FragmentDefinitionNode)
}
OPERATIONS = [each for each in DOCUMENT.definitions if isinstance(each, OperationDefinitionNode)]
