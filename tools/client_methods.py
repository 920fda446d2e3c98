"""A plugin of ariadne-codegen that adapts the generated Healthie client. Loaded in the generator's own environment.

- Each method is one call of our base client, which sends and decodes: an answer that cannot be decoded is handled with the outcome.
- An unknown enum value in an answer is read as a string: Healthie adds values without notice.
- The package re-exports nothing, and imports our base client instead of a copy.
"""

import ast
from typing import Any

from ariadne_codegen.plugins.base import Plugin
from graphql import GraphQLEnumType, GraphQLSchema, OperationDefinitionNode, OperationType

BASE_MODULE = "integrations.healthie.base"


class ClientMethods(Plugin):
    """Rewrites the modules that ariadne-codegen generates."""

    def __init__(self, schema: GraphQLSchema, config_dict: dict[str, Any]) -> None:
        super().__init__(schema, config_dict)
        self._enums = {name for name, kind in schema.type_map.items() if isinstance(kind, GraphQLEnumType)}

    def generate_init_module(self, module: ast.Module) -> ast.Module:
        """Empty `__init__.py`."""
        module.body = []
        return module

    def generate_client_import(self, import_: ast.ImportFrom) -> ast.ImportFrom:
        """Import the base client from our module."""
        if import_.module == "base" and import_.level == 1:
            return ast.ImportFrom(module=BASE_MODULE, names=import_.names, level=0)
        return import_

    def generate_client_method(
        self, method_def: ast.AsyncFunctionDef, operation_definition: OperationDefinitionNode
    ) -> ast.AsyncFunctionDef:
        """Replace "execute, get data, validate" by one typed call, and drop the untyped keyword arguments."""
        assign, variables = method_def.body[0], method_def.body[1]
        result = method_def.returns
        name = operation_definition.name
        mutation = operation_definition.operation is OperationType.MUTATION
        call = ast.parse(
            f"return await self.execute({ast.unparse(result)}, query=query, operation_name={name.value!r}, "
            f"mutation={mutation}, variables=variables)"
        )
        _keyword_only(method_def.args)
        method_def.body = [assign, variables, *call.body]
        return method_def

    def generate_result_field(
        self, field_implementation: ast.AnnAssign, operation_definition: Any, field: Any
    ) -> ast.AnnAssign:
        """Annotate enums as `Union[Enum, str]`, so that an unknown value is kept as a string."""
        del operation_definition, field

        class Lenient(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.AST:
                if node.id in enums:
                    return ast.parse(f"Union[{node.id}, str]", mode="eval").body
                return node

        enums = self._enums
        field_implementation.annotation = Lenient().visit(field_implementation.annotation)
        return field_implementation


def _keyword_only(arguments: ast.arguments) -> None:
    """Make every argument keyword-only: two ids are easily swapped."""
    own, rest = arguments.args[:1], arguments.args[1:]
    arguments.kw_defaults = [None] * (len(rest) - len(arguments.defaults)) + list(arguments.defaults)
    arguments.args, arguments.kwonlyargs, arguments.defaults, arguments.kwarg = own, rest, [], None
