package org.mockconnect.testing;

/** A connector that only some workers have: what a rolling upgrade of plugins adds. */
public class AddedSourceConnector extends TestSourceConnector {
    @Override
    public String version() {
        return "2.0.0";
    }
}
