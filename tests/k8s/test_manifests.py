#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""docker/k8s against Kubernetes' own schema, as its Python client has it (generated from the API's
OpenAPI description), and what a schema cannot say: that names which refer to each other agree, that
pods get the quality of service Guaranteed, and no more rights than is written down here."""
import copy
import glob
import json
import os
import re
import unittest

import yaml
from kubernetes.client import models

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../docker/k8s')
MULTUS = 'k8s.cni.cncf.io/v1'
SCHEMAS = {('apps/v1', 'Deployment'): 'V1Deployment', ('v1', 'Service'): 'V1Service'}
PLAIN = {'str': str, 'int': int, 'bool': bool, 'float': (int, float), 'object': object}
QUANTITY = re.compile(r'[0-9]+(\.[0-9]+)?(m|k|[KMGT]i?)?')
CAPABILITIES = {'volley': [], 'volley-dpdk': ['IPC_LOCK']}


class Wrong(Exception):
    """What is not right, and where."""


def check(is_right, where, what):
    if not is_right:
        raise Wrong(f'{where}: {what}')


def check_type(value, kind, where):
    """A value against a type of the API."""
    listed = re.fullmatch(r'list\[(.*)\]', kind)
    mapped = re.fullmatch(r'dict\(str, (.*)\)', kind)
    if listed:
        check(isinstance(value, list), where, 'is no list')
        for number, item in enumerate(value):
            check_type(item, listed[1], f'{where}[{number}]')
    elif mapped:
        check(isinstance(value, dict), where, 'is no mapping')
        for key, item in value.items():
            check_type(item, mapped[1], f'{where}.{key}')
    elif kind in PLAIN:
        check(isinstance(value, PLAIN[kind]) and (kind == 'bool') == isinstance(value, bool)
              or kind == 'object', where, f'{value!r} is no {kind}')
    else:
        check_model(value, getattr(models, kind), where)


def check_model(value, model, where):
    check(isinstance(value, dict), where, 'is no mapping')
    attributes = {name: attribute for attribute, name in model.attribute_map.items()}
    for name, item in value.items():
        check(name in attributes, where, f'has no field {name}')
        check_type(item, model.openapi_types[attributes[name]], f'{where}.{name}')
    try: # it knows what must be there, and the words that are allowed
        model(**{attributes[name]: item for name, item in value.items()})
    except ValueError as error:
        raise Wrong(f'{where}: {error}') from error


def check_schema(document):
    kind = document['apiVersion'], document['kind']
    where = f'{kind[1]} {document["metadata"]["name"]}'
    if kind == (MULTUS, 'NetworkAttachmentDefinition'): # a resource of its own; all its fields
        check_type(document['metadata'], 'V1ObjectMeta', where)
        check(set(document) == {'apiVersion', 'kind', 'metadata', 'spec'}, where, 'fields')
        check(set(document['spec']) == {'config'}, where, 'fields of spec')
        config = json.loads(document['spec']['config'])
        check({'cniVersion', 'name', 'type'} <= set(config), where, 'config says too little')
        check(config['name'] == document['metadata']['name'], where, 'config has another name')
    else:
        check(kind in SCHEMAS, where, f'of an unknown kind {kind}')
        check_type(document, SCHEMAS[kind], where)


def check_resources(container, where):
    """Guaranteed: limits and requests of CPU and memory, and the same; whole cores."""
    limits, requests = (container['resources'][name] for name in ('limits', 'requests'))
    check(limits == requests, where, 'requests are not as limits')
    check({'cpu', 'memory'} <= set(limits), where, 'CPU and memory are not both limited')
    check(limits['cpu'].isdigit(), where, 'no whole cores')
    for name, quantity in limits.items():
        check(QUANTITY.fullmatch(quantity), where, f'{name}: {quantity} is no quantity')


def check_rights(pod, container, where):
    context = {**pod['securityContext'], **container['securityContext']}
    added = context['capabilities'].get('add', [])
    check(context['capabilities']['drop'] == ['ALL'], where, 'keeps capabilities')
    check(context['allowPrivilegeEscalation'] is False, where, 'may get more rights')
    check(context['readOnlyRootFilesystem'] is True, where, 'may write to its image')
    check(context['seccompProfile']['type'] == 'Localhost', where, 'has no profile of its own')
    check(context['runAsUser'] != 0 or added, where, 'is root for nothing')
    check(context.get('runAsNonRoot', False) == (context['runAsUser'] != 0), where, 'which user?')
    check(added == CAPABILITIES[where], where, f'has the capabilities {added}')


def check_deployment(document, documents):
    where = document['metadata']['name']
    template = document['spec']['template']
    pod = template['spec']
    check(document['spec']['selector']['matchLabels'].items()
          <= template['metadata']['labels'].items(), where, 'selects other pods than its own')
    for container in pod['containers']:
        check_resources(container, where)
        check_rights(pod, container, where)
        for probe in ('startupProbe', 'readinessProbe', 'livenessProbe'):
            check(container[probe]['exec']['command'][0] == 'volley', where, f'no {probe}')
    check_metrics(template, where)
    network = template['metadata'].get('annotations', {}).get('k8s.v1.cni.cncf.io/networks')
    if network:
        check_network(network, pod, documents, where)


def check_metrics(template, where):
    """Who collects is told of a port that the pod has, and that is served."""
    notes = template['metadata'].get('annotations', {})
    container = template['spec']['containers'][0]
    check(notes.get('prometheus.io/scrape') == 'true', where, 'is not collected from')
    check(notes.get('prometheus.io/path') == '/metrics', where, 'tells another path')
    port = notes.get('prometheus.io/port', '')
    ports = [str(one['containerPort']) for one in container.get('ports', [])
             if one['protocol'] == 'TCP']
    check(port in ports, where, f'tells of port {port}, and has {ports}')
    check(f'--metrics :{port}' in ' '.join(container['args']), where, f'serves no port {port}')


def check_network(network, pod, documents, where):
    """The interface of Multus is one that is defined, and the pod asks for its device."""
    wires = [document for document in documents if document['apiVersion'] == MULTUS]
    check([wire['metadata']['name'] for wire in wires] == [network], where, f'no wire {network}')
    resource = wires[0]['metadata']['annotations']['k8s.v1.cni.cncf.io/resourceName']
    variable = 'PCIDEVICE_' + re.sub('[^A-Z0-9]', '_', resource.upper())
    container = pod['containers'][0]
    check(resource in container['resources']['limits'], where, f'asks for no {resource}')
    check(f'pci:$({variable})' in container['args'], where, f'does not take {variable}')


def check_service(document, documents):
    """It leads to a port that a pod of ours has."""
    where = document['metadata']['name']
    pods = [other['spec']['template'] for other in documents if other['kind'] == 'Deployment'
            and document['spec']['selector'].items()
            <= other['spec']['template']['metadata']['labels'].items()]
    check(pods, where, 'selects no pod')
    ports = [(port['name'], port['protocol']) for pod in pods
             for container in pod['spec']['containers'] for port in container['ports']]
    for port in document['spec']['ports']:
        check((port['targetPort'], port['protocol']) in ports, where, 'leads to no port')


def check_documents(documents):
    for document in documents:
        check_schema(document)
        if document['kind'] == 'Deployment':
            check_deployment(document, documents)
        if document['kind'] == 'Service':
            check_service(document, documents)


def load(name):
    with open(os.path.join(FOLDER, name), encoding='utf-8') as file:
        return list(yaml.safe_load_all(file))


class Manifests(unittest.TestCase):

    def test_all_are_right(self):
        names = sorted(os.path.basename(path) for path in glob.glob(FOLDER + '/*'))
        self.assertEqual(names, ['dpdk.yml', 'kernel.yml'])
        for name in names:
            check_documents(load(name))

    def broken(self, name, number, path, value, message):
        """With `value` at `path` of a file's document, or with nothing there, it is refused."""
        documents = copy.deepcopy(load(name))
        place = documents[number]
        for key in path[:-1]:
            place = place[key]
        place.pop(path[-1], None)
        if value is not None:
            place[path[-1]] = value
        with self.assertRaisesRegex(Wrong, message):
            check_documents(documents)

    def test_what_is_wrong_is_seen(self):
        container = ('spec', 'template', 'spec', 'containers', 0)
        for path, value, message in (
                (('spec', 'replica'), 2, 'no field replica'),
                (('spec', 'replicas'), '2', 'no int'),
                (('spec', 'selector'), None, 'selector'),
                (('spec', 'selector', 'matchLabels'), {'a': 'b'}, 'other pods'),
                ((*container, 'name'), None, 'name'),
                ((*container, 'ports'), {}, 'no list'),
                ((*container, 'securityContext', 'readOnlyRootFilesystem'), 'yes', 'no bool'),
                ((*container, 'securityContext', 'allowPrivilegeEscalation'), True, 'more rights'),
                ((*container, 'securityContext', 'capabilities'),
                 {'drop': ['ALL'], 'add': ['NET_ADMIN']}, 'NET_ADMIN'),
                ((*container, 'resources', 'requests'), {'cpu': '1'}, 'not as limits'),
                ((*container, 'livenessProbe', 'exec'), {'command': 'volley'}, 'no list')):
            self.broken('kernel.yml', 0, path, value, message)
        notes = ('spec', 'template', 'metadata', 'annotations')
        self.broken('kernel.yml', 0, (*notes, 'prometheus.io/scrape'), True, 'no str')
        self.broken('kernel.yml', 0, (*notes, 'prometheus.io/port'), '9000', 'port 9000')
        self.broken('dpdk.yml', 1, notes, None, 'not collected')
        self.broken('kernel.yml', 1, ('spec', 'selector'), {'a': 'b'}, 'no pod')
        self.broken('kernel.yml', 1, ('spec', 'ports', 0, 'targetPort'), 'tcp', 'no port')
        self.broken('dpdk.yml', 0, ('metadata', 'name'), 'other', 'another name')
        self.broken('kernel.yml', 0, (*container, 'args'), ['serve'], 'serves no port 9900')
        self.broken('dpdk.yml', 1, (*container, 'args'), ['serve', '--metrics', ':9900'],
                    'PCIDEVICE_EXAMPLE_COM_VOLLEY')


if __name__ == '__main__':
    unittest.main()
