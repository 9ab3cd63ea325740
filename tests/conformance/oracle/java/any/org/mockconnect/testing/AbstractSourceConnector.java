package org.mockconnect.testing;

/** Cannot be instantiated. */
public abstract class AbstractSourceConnector extends TestSourceConnector {
}
